"""evidence custody, decrypt: the custody log, and evidence that was encrypted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.evidence_store import fetch_missing
from stopgap.orchestrator.cli.journals import open_journal, open_journal_to_read
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.documents.evidence import custody_document, decryption_document
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.custody import CustodyError, log_handling, read_log
from stopgap.orchestrator.evidence.files import FolderFiles
from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.reader import CollectionReader, UnreadableEvidence, open_collection
from stopgap.orchestrator.evidence.verify import collections_below, handled_here, is_elsewhere, not_here
from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled, EvidenceStored
from stopgap.orchestrator.journal.home import controller_name
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class DecryptOptions:
    """The options of `stopgap evidence decrypt`."""

    what: str
    identity: Path
    output: Path
    json: bool = False


@dataclass(frozen=True)
class CustodyOptions:
    """The options of `stopgap evidence custody`."""

    what: str
    json: bool = False


def opened(what: str, about: str) -> Iterator[CollectionReader]:
    """Yield the collections of a run, or below a folder, and record the opening in the custody log."""
    for collected in collections_of(what):
        put_on_record(what, collected, "opened", about)
        if any(item.clear for item in collected.manifest.items):
            where = f"{collected.manifest.host}/{collected.folder.name}"
            screens.err().line(
                tr("{where} is encrypted; who has a key opens it: stopgap evidence decrypt", where=where), "warn"
            )
        yield collected


def decrypted(options: DecryptOptions) -> int:
    """Decrypt collections into a new folder, beside the signed, unchanged manifests."""
    from stopgap.orchestrator.evidence.sealing import SealingError, decrypt, identities

    top, made = options.output, []
    try:
        keys = identities(options.identity)
        top.mkdir(mode=0o700)
        for collected in collections_of(options.what):
            put_on_record(options.what, collected, "opened", tr("decrypted into {absolute}", absolute=top.absolute()))
            folder = top / collected.folder.parent.name / collected.folder.name
            folder.mkdir(mode=0o700, parents=True)
            decrypt(collected, folder, keys)
            made.append(folder)
            (screens.err() if options.json else screens.out()).line(tr("Decrypted: {folder}", folder=folder))
    except SealingError as error:
        raise Error(str(error)) from None
    except OSError as error:
        raise Error(f"{error.filename or top}: {error.strerror}") from None
    if options.json:
        print_document(decryption_document(made))
    return 0


def custody(options: CustodyOptions) -> int:
    """Show the custody log of each collection: collecting, opening, exporting."""
    if options.json:
        print_document(custody_document((collected, _log(collected)) for collected in collections_of(options.what)))
        return 0
    screen = screens.out()
    for collected in collections_of(options.what):
        screen.line(f"{collected.manifest.host}/{collected.folder.name}", "title")
        for at, handled in _log(collected):
            screen.line(f"  {said(moment(at))}  {handled.action:<9}  {handled.by}  {handled.about}")
    return 0


def _log(collected: CollectionReader) -> list[tuple[datetime, EvidenceHandled]]:
    try:
        return list(read_log(FolderFiles(collected.folder)))
    except CustodyError as error:
        raise Error(f"{collected.folder}: {error}") from None


def put_on_record(what: str, collected: CollectionReader, action: Literal["opened", "exported"], about: str) -> None:
    """Add a line to the custody log of a collection, and to the journal where `what` is a run."""
    folder = f"evidence/{collected.manifest.host}/{collected.folder.name}"
    handled = EvidenceHandled(
        action=action,
        host=collected.manifest.host,
        folder=folder,
        by=operator(),
        about=about[:1024],
        manifest_sha256=hashlib.sha256((collected.folder / MANIFEST).read_bytes()).hexdigest(),
        copy_of="" if Path(what).is_dir() else _copy_of(what, folder),
    )
    try:
        log_handling(collected.folder, handled)
    except CustodyError as error:
        screens.err().line(tr("stopgap: not in the custody log: {error}", error=error), "bad")
        return
    if not Path(what).is_dir():
        with open_journal() as journal:
            journal.append(journal.resolve(what), handled)


def _copy_of(what: str, folder: str) -> str:
    with open_journal_to_read() as journal:
        entries = journal.of_run(journal.resolve(what), "evidence-handled")
        handled = [entry.record for entry in entries if isinstance(entry.record, EvidenceHandled)]
        return handled_here(handled, folder, controller_name(journal.home))[0]


def collections_of(what: str) -> Iterator[CollectionReader]:
    """Yield the collections of a run, or below a folder; one that cannot be read is told. Raises Error for none.

    Those of a run that another machine has are fetched from their store first.
    """
    if Path(what).is_dir():
        folders = collections_below(Path(what))
    else:
        fetch_missing(what)
        with open_journal_to_read() as journal:
            run = journal.resolve(what)
            history = journal.history(run)
            folders = list(_folders_here(journal, history))
        show_damage(screens.err(), run, history.damage)
        if history.evidence and not folders:
            raise Error(tr("{what}: none of its evidence is on this machine", what=what))
    if not folders:
        raise Error(tr("{what}: holds no evidence", what=what))
    for folder in folders:
        try:
            yield open_collection(folder)
        except UnreadableEvidence as error:
            screens.err().line(tr("stopgap: {error}", error=error), "bad")


def _folders_here(journal: Journal, history: History) -> Iterator[Path]:
    """Yield the folders of a run's collections; one that another machine has is told."""
    stored = {
        entry.record.folder: entry.record
        for entry in journal.of_run(history.run, "evidence-stored")
        if isinstance(entry.record, EvidenceStored)
    }
    for kept in history.evidence:
        folder = journal.run_path(history.run) / kept.folder
        copy = stored.get(kept.folder)
        if folder.exists() or not is_elsewhere(kept, copy, controller_name(journal.home)):
            yield folder
        else:
            screens.err().line(not_here(history.run, kept, copy), "bad")
