"""evidence store, fetch: copies of evidence in a store, and evidence that another machine has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal, open_journal_to_read
from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.documents.evidence import fetch_document, storing_document
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.journal import state_home
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.evidence.copying import RunStored
    from stopgap.orchestrator.evidence.delivery.place import Place, SftpSource
    from stopgap.orchestrator.evidence.fetching import Fetched
    from stopgap.orchestrator.host import Host

STATE = ".local/state/stopgap"
"""State folder of an account, by default."""


@dataclass(frozen=True)
class StoreOptions:
    """The options of `stopgap evidence store`."""

    what: str | None = None
    """A run; None: all that waits."""
    json: bool = False


@dataclass(frozen=True)
class FetchOptions:
    """The options of `stopgap evidence fetch`."""

    what: str
    source: str | None = None
    """`sftp://[LOGIN@]HOST[/STATE_FOLDER]`; None: the store that the journal names."""
    inventories: tuple[str, ...] = ()
    """How the machine is logged in to."""
    json: bool = False


def store(options: StoreOptions) -> int:
    """Copy evidence to the store of evidence.yaml: of one run, or all that waits; return 1 where some still waits."""
    from stopgap.orchestrator.journal.evidence_waiting import let_wait, not_stored

    with open_journal() as journal:
        run = journal.resolve(options.what) if options.what else None
        if run:
            if not any(journal.of_run(run, "evidence-kept")):
                raise Error(tr("{what}: holds no evidence", what=run))
            let_wait(journal.home, run)
    screen = screens.err() if options.json else screens.out()
    done = store_evidence(screen, run)
    left = [each for each in not_stored(state_home()) if run in {None, each.run}]
    if options.json:
        print_document(storing_document(done, left))
    elif not done and not left:
        screen.line(tr("No evidence waits for a store."))
    return int(bool(left))


def store_evidence(screen: Screen, first: str | None = None) -> list[RunStored]:
    """Copy what waits for its store, and show it; whatever is in the way is shown, and the rest waits.

    `first`: the run to begin with.
    """
    from stopgap.orchestrator.evidence.copying import store_waiting

    done = []
    try:
        with open_journal() as journal:
            for each in store_waiting(journal, operator(), first, lambda run, place: _begin(screen, run, place)):
                done.append(each)
                _show_stored(screen, each)
    except InvalidInput as error:
        for problem in error.problems:
            screen.line(problem.lines[0], "bad")
    except Error as error:
        screen.line(tr("Evidence is not in the store: {error}", error=error), "bad")
    return done


def fetch(options: FetchOptions) -> int:
    """Fetch the evidence of a run that is not on this machine; return 1 where some could not be had."""
    from stopgap.orchestrator.evidence.fetching import fetch_from, fetch_stored, missing_here

    with open_journal() as journal:
        run = journal.resolve(options.what)
        missing = missing_here(journal, run)
        screen = screens.err() if options.json else screens.out()
        if options.source:
            with _machine(options, run, missing) as sources:
                done = _shown(screen, fetch_from(journal, run, operator(), sources))
        else:
            done = _shown(screen, fetch_stored(journal, run, operator(), again=True))
        left = missing_here(journal, run)
    for folder in left:
        if folder not in {each.folder for each in done}:
            screen.line(tr("{folder}: no store has it; --from names the machine that does", folder=folder), "bad")
    if options.json:
        print_document(fetch_document(run, done, left))
    elif not missing:
        screen.line(tr("All evidence of run {run} is on this machine.", run=run))
    return int(bool(left))


def fetch_missing(what: str) -> None:
    """Fetch what a store has of a run's evidence and this machine has not, and show it on standard error."""
    from stopgap.orchestrator.evidence.fetching import fetch_stored

    with open_journal_to_read() as journal:
        run = journal.resolve(what)
        there = any(journal.of_run(run, "evidence-stored"))
    if there:
        with open_journal() as journal:
            _shown(screens.err(), fetch_stored(journal, run, operator()))


def _begin(screen: Screen, run: str, place: Place) -> None:
    screen.line(
        tr("Evidence of run {run} goes to {url}; Ctrl-C leaves it for later.", run=run, url=place.url), "quiet"
    )


def _show_stored(screen: Screen, stored: RunStored) -> None:
    if stored.copies:
        count = trn("1 collection", "{count} collections", len(stored.copies))
        screen.line(
            tr(
                "Stored and read back: {count}, {size} MB.",
                count=count,
                size=f"{sum(copy.size for copy in stored.copies) / 1e6:.1f}",
            )
        )
        if not all(copy.encrypted for copy in stored.copies):
            screen.line(
                tr("Not encrypted: whoever can read the store can read it; `run --age RECIPIENT` encrypts it."),
                "warn",
            )
    for problem in stored.problems:
        screen.line(tr("Not in the store: {problem}; `stopgap evidence store` tries again", problem=problem), "bad")


def _shown(screen: Screen, fetched: Iterator[Fetched]) -> list[Fetched]:
    done = []
    for each in fetched:
        done.append(each)
        if each.problem:
            screen.line(tr("{folder}: not fetched: {problem}", folder=each.folder, problem=each.problem), "bad")
            continue
        screen.line(
            tr(
                "{folder}: fetched from {url}; {count} files, {size} MB, each as the journal has it",
                folder=each.folder,
                url=each.url,
                count=each.files,
                size=f"{each.size / 1e6:.1f}",
            )
        )
    return done


@contextmanager
def _machine(options: FetchOptions, run: str, folders: Sequence[str]) -> Iterator[dict[str, SftpSource]]:
    """Yield the folder of each collection on the machine that collected it."""
    from stopgap.orchestrator.cli.store_login import server_of
    from stopgap.orchestrator.evidence.delivery.destination import SftpFolder, destination
    from stopgap.orchestrator.evidence.delivery.place import SftpSource
    from stopgap.orchestrator.inventory import load_inventory
    from stopgap.orchestrator.remote.connect import connected_sftp

    given = options.source or ""
    place = destination(given, "--from")
    if not isinstance(place, SftpFolder):
        raise UsageError(tr("--from: expected {expected}", expected="sftp://[LOGIN@]HOST[/STATE_FOLDER]"))
    hosts: dict[str, Any] = dict(load_inventory(options.inventories).hosts) if options.inventories else {}
    host: Host = server_of(place, hosts, "--from")
    home = place.folder if urlsplit(given).path.strip("/") else STATE
    with connected_sftp(host, hosts) as client:
        yield {
            folder: SftpSource(
                client, f"{home}/runs/{run}/{folder}", SftpFolder(host.name, home).url(f"runs/{run}/{folder}")
            )
            for folder in folders
        }
