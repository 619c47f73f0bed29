"""Read what runs have done and what is in force; nothing is changed anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal.evidence_waiting import not_stored
from stopgap.orchestrator.journal.failure import DamagedRunError, UnknownRunError
from stopgap.orchestrator.journal.opening import open_journal_to_read
from stopgap.orchestrator.sinks.backlog import undelivered

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import History, RunSummary
    from stopgap.orchestrator.journal.open_hosts import OpenHost
    from stopgap.orchestrator.run.result import RunResult
    from stopgap.orchestrator.run.standing import HostStands
    from stopgap.orchestrator.run.status import RunStatus, Status

__all__ = ["Verification", "history", "runs", "status", "verify"]


@dataclass(frozen=True)
class Verification:
    """What a verification of a run, of a folder of evidence, or of an archive has found.

    >>> Verification("run 20261129-1200-k3f9", "20261129-1200-k3f9", ("manifest.json: changed",)).valid
    False
    """

    what: str
    """`run ID`, or the path."""
    run: str | None
    """None for files."""
    problems: tuple[str, ...]
    """Differences from the record: changed, missing or extra files, missing signatures."""

    @property
    def valid(self) -> bool:
        """True without any difference from the record."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """The exit status of `stopgap verify`: 0 valid, 1 not."""
        return int(not self.valid)


def status(*, offline: bool = False, on_run: Callable[[RunStatus], object] | None = None) -> Status:
    """Return the changes in force with host and end, and the present state of the changes on the devices.

    `offline`: read only the journal; no device is contacted. `on_run`: called with each run after the look at the
    run's devices, the latest run first.

    An unreachable device, a lost change and a damaged journal are part of the result. Raises JournalError for an
    unreadable journal.

    >>> import stopgap
    >>> stopgap.status(offline=True).runs
    ()
    """
    from stopgap.orchestrator.run.all_hosts import AllHosts, Read  # noqa: PLC0415 - what lists runs needs no planner
    from stopgap.orchestrator.run.status import Status, each_run  # noqa: PLC0415

    found: list[RunStatus] = []
    at = datetime.now(UTC)
    with open_journal_to_read() as journal:
        read: list[Read] = []
        for run in each_run(journal, offline=offline, on_read=lambda *about: read.append(Read(*about))):
            found.append(run)
            if on_run:
                on_run(run)
        hosts = AllHosts(journal, read[::-1], at)
        still_open, returning = tuple(hosts.open()), tuple(hosts.returning())
        left = tuple(undelivered(journal.home, journal.heads_here()))
        waiting = tuple(not_stored(journal.home))
        return Status(
            at, offline, tuple(found), tuple(journal.strays()), still_open, returning, left, waiting,
            journal.apart or "",
        )  # fmt: skip


def left_open(targets: Collection[str]) -> tuple[OpenHost, ...]:
    """Return those of the targets that were contained, are not any more, and have open findings.

    Raises JournalError where the journal cannot be opened. Runs that cannot be read are left out.

    >>> import stopgap
    >>> from stopgap.reading import left_open
    >>> left_open(["web"])
    ()
    """
    from stopgap.orchestrator.journal.open_hosts import open_hosts  # noqa: PLC0415 - what lists runs needs no records

    return tuple(host for host in open_hosts(_runs_for(targets)) if host.target in set(targets))


def standing(targets: Collection[str]) -> tuple[HostStands, ...]:
    """Return where the targets stand that were contained: the step of the recovery, and the command that comes next.

    Raises JournalError where the journal cannot be opened. Runs that cannot be read are left out.

    >>> import stopgap
    >>> from stopgap.reading import standing
    >>> standing(["web"])
    ()
    """
    from stopgap.orchestrator.run.standing import hosts_stand  # noqa: PLC0415 - as above

    found = hosts_stand(_runs_for(targets))
    return tuple(host for host in found if host.target in set(targets))


def _named(run: str | RunResult) -> str:
    if isinstance(run, str):
        return run
    from stopgap.undoing import run_id  # noqa: PLC0415 - whoever has a result has run something

    return run_id(run)


def _runs_for(targets: Collection[str]) -> list[History]:
    histories: list[History] = []
    with open_journal_to_read() as journal:
        for run in reversed(journal.runs()):
            if set(run.targets) & set(targets):
                with suppress(DamagedRunError):
                    histories.append(journal.history(run.id))
    return histories


def runs() -> list[RunSummary]:
    """Give all runs of the journal, the latest first, each with state, targets and exit status.

    A run with unreadable records has the state `damaged`. Raises JournalError.

    >>> import stopgap
    >>> [run.id for run in stopgap.runs()]
    []
    """
    with open_journal_to_read() as journal:
        return journal.runs()


def history(run: str | RunResult) -> History:
    """Return a whole run from the run's records: steps, changes with their state, checks, evidence, verdicts.

    `run`: the run's id, `last`, or the result of `stopgap.run`. `History.damage` lists the signs of records changed
    since the run.

    Raises UnknownRunError, DamagedRunError for unreadable records, JournalError.

    >>> import stopgap
    >>> try:
    ...     stopgap.history("last")
    ... except stopgap.UnknownRunError as error:
    ...     print(error.exit_code)
    2
    """
    with open_journal_to_read() as journal:
        return journal.history(journal.resolve(_named(run)))


def verify(
    what: str | os.PathLike[str] | RunResult,
    *,
    signers: str | os.PathLike[str] | None = None,
    tsa_ca: str | os.PathLike[str] | None = None,
) -> Verification:
    """Check a run's journal and evidence, a folder of evidence or an exported archive against the recorded checksums.

    `what`: a run's id, `last`, the result of `stopgap.run`, a folder, a `manifest.json`, or an archive. `signers`: a
    file of allowed signers, in the format of ssh-keygen(1); a signature of one signer is then required. `tsa_ca`:
    certificates (PEM) of the required time-stamp authority of an archive (RFC 3161).

    Returns all differences from the record as `problems`. Raises UsageError for an encrypted archive or an unreadable
    time stamp, UnknownRunError, JournalError.

    >>> import stopgap, tempfile
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     stopgap.verify(empty).valid
    False
    """
    from stopgap.orchestrator.evidence.packed import is_archive, is_sealed, verify_archive  # noqa: PLC0415
    from stopgap.orchestrator.evidence.timestamp import TimestampError  # noqa: PLC0415
    from stopgap.orchestrator.evidence.verify import verify_folder  # noqa: PLC0415 - what reads evidence costs a start

    name = os.fspath(what) if isinstance(what, str | os.PathLike) else _named(what)
    path, allowed = Path(name), Path(signers) if signers else None
    if path.is_file() and is_sealed(path):
        raise UsageError(f"{path} is encrypted; decrypt it first: age -d -i KEY {path} >archive.tar")
    if path.is_file() and is_archive(path):
        try:
            return Verification(name, None, tuple(verify_archive(path, allowed, Path(tsa_ca) if tsa_ca else None)))
        except TimestampError as error:
            raise UsageError(str(error)) from None
    if tsa_ca:
        raise UsageError(f"{name} is no exported archive: only an archive has time-stamps")
    if path.exists():
        return Verification(name, None, tuple(verify_folder(path.parent if path.is_file() else path, allowed)))
    return _verify_run(name, allowed)


def _verify_run(name: str, signers: Path | None) -> Verification:
    from stopgap.orchestrator.evidence.verify import verify_run  # noqa: PLC0415

    with open_journal_to_read() as journal:
        strays = [str(stray) for stray in journal.strays()]
        try:
            run = journal.resolve(name)
        except UnknownRunError:
            if not strays:
                raise
            return Verification(name, None, tuple(strays))
        return Verification(f"run {run}", run, (*verify_run(journal, run, signers), *strays))
