"""The journal of all runs: append, read, find, verify and lock a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from stopgap.orchestrator.journal.chain import (
    Entry,
    Row,
    canonical_record,
    entry,
    export_line,
    timestamp,
)
from stopgap.orchestrator.journal.disk import disk_errors, write_at_once
from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError, UnknownRunError
from stopgap.orchestrator.journal.head import HEAD, SIGNATURE, head_problems, head_text
from stopgap.orchestrator.journal.home import (
    is_writable,
    keep_controller_name,
    private_folder,
    required_signers,
    sync_folder,
)
from stopgap.orchestrator.journal.integrity import EXPORT, Kept, integrity_problems, read_beside, unsigned_changes
from stopgap.orchestrator.journal.listing import SUMMED_UP, RunSummary, in_order_of_start, named, summary
from stopgap.orchestrator.journal.local import LocalRecords
from stopgap.orchestrator.journal.locks import RunLocks
from stopgap.orchestrator.journal.looked import Look, folder_state
from stopgap.orchestrator.journal.looks import RunLooks
from stopgap.orchestrator.journal.merged import Merged
from stopgap.orchestrator.journal.record_store import Locks, RecordStore
from stopgap.orchestrator.journal.reserve import with_room
from stopgap.orchestrator.journal.strays import RUN_ID, Stray, strays
from stopgap.orchestrator.journal.table import PRUNED
from stopgap.orchestrator.text import Text, tr

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.history import History
    from stopgap.orchestrator.journal.pruned_records import RunPruned
    from stopgap.orchestrator.journal.records import AnyRecord, RunStarted

_SIGNING = 0.1
"""Seconds from a new head to the signature, with a margin."""
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


def utc_now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.now(UTC)


class Journal:
    """The records of all runs, with the folders of the runs on this machine; safe for many threads and processes.

    Every method raises JournalError if the disk fails.
    """

    def __init__(
        self,
        home: Path,
        records: RecordStore,
        locks: Locks,
        *,
        clock: Callable[[], datetime] = utc_now,
        writable: bool = True,
        signers: Path | None = None,
    ) -> None:
        """Create the journal; callers use `open_journal`, or `open` for a certain state folder.

        `signers` are required to have signed every run without a live process; other runs are `unsigned`.
        """
        self._signers = signers
        self.home = home
        self.writable = writable
        """False: the records come from a copy of a read-only state folder."""
        self._clock = clock
        self._records = records
        self._locks = locks
        self._begun: set[str] = set()
        self.written: dict[str, int] = {}
        """Run → number of the first record that was written to it by way of this object."""
        self._looks = RunLooks(home, records, locks, clock, lambda run: folder_state(self.run_path(run)))

    @classmethod
    def open(cls, home: Path, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open the journal in a state folder, in SQLite; a missing folder (0700) and file (0600) are created.

        `$STOPGAP_SIGNERS` names the required signers of the runs.
        """
        records = LocalRecords(home)
        return cls(home, records, RunLocks(home / "runs"), clock=clock, signers=required_signers())

    @classmethod
    def open_to_read(cls, home: Path, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open the journal in a state folder for reading; a read-only folder is enough."""
        return cls.open(home, clock=clock) if is_writable(home) else cls.open_copy(home, clock=clock)

    @classmethod
    def open_copy(cls, home: Path, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open a copy in memory of the journal in a state folder, for reading."""
        records, locks = LocalRecords(home, reading=True), RunLocks(home / "runs")
        return cls(home, records, locks, clock=clock, writable=False, signers=required_signers())

    @property
    def apart(self) -> Text | None:
        """Why only the records of this machine are at hand: a team's database is out of reach. None otherwise."""
        return self._records.apart

    @property
    def claims(self) -> Locks:
        """The locks of this process, for claims on routers and other hosts."""
        return self._locks

    def wait(self, seconds: float) -> bool:
        """Wait for new records, at most so long; return True if there may be some."""
        return self._records.wait(seconds)

    def now(self) -> datetime:
        """Return the present time, by the journal's clock."""
        return self._clock()

    def displaced(self) -> bool:
        """Return True if the state folder was moved or deleted since the opening: later records would be lost."""
        return self._records.displaced()

    def close(self) -> None:
        """Close the journal, and release the lock of every held run."""
        self._records.close()
        self._locks.release_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, started: RunStarted) -> str:
        """Open a run, lock the run until the journal is closed, return the id: `20261123-0113-k3f9`.

        Ids begin with the time in UTC, so that names sort by time.
        """
        while True:
            run = with_room(self.home, self._new_run)
            self._hold(run)
            if self.append_if(run, lambda entries: not entries, started):
                break
            self._locks.release(run)  # another machine of the team has a run of this id
        self._begun.add(run)
        self._locks.mark_begun(run)
        return run

    def let_go(self, run: str) -> None:
        """Release the lock of a run that this process has begun, for another process to carry it on."""
        self._locks.release(run)

    def append(self, run: str, *records: AnyRecord) -> tuple[Entry, ...]:
        """Append records, all or no record; return the entries after the write to disk."""
        # Taken before any wait for the database: the time of the event, not of the write.
        times = [self._clock() for _ in records]
        texts = [
            (record.kind, timestamp(at), canonical_record(record)) for at, record in zip(times, records, strict=True)
        ]
        self._see_that_it_is_writable()
        first = self._records.append(run, texts) or 0
        self.written.setdefault(run, first)
        return tuple(Entry(first + n, at, record) for n, (at, record) in enumerate(zip(times, records, strict=True)))

    def settle(self, *, urgent: bool = False) -> bool:
        """Wait, before an act that is not urgent, for a lost database where this process has to (`open_journal`).

        Return True if this process has to. Raises JournalError where the wait was broken off.
        """
        return not urgent and self._records.settle()

    def assure(self, *, urgent: bool = False) -> None:
        """See, immediately before an act on a host, that no other process has taken over a lock of this one.

        A lost database cannot be asked: it is waited for as in `settle`. Raises RunHeldError: no further act is
        allowed; JournalError.
        """
        while True:
            waits = self.settle(urgent=urgent)
            if (self._records.apart is not None and not waits) or self._locks.assure() or not waits:
                return

    def append_if(self, run: str, holds: Callable[[Sequence[Entry]], bool], *records: AnyRecord) -> bool:
        """Append records only if `holds` is true of the run's entries; no other process writes in between."""
        texts = [(record.kind, timestamp(self._clock()), canonical_record(record)) for record in records]
        self._see_that_it_is_writable()
        first = self._records.append(run, texts, lambda rows: holds([*map(entry, rows)]))
        if first is not None:
            self.written.setdefault(run, first)
        return first is not None

    def _new_run(self) -> str:
        while True:
            run = self._clock().astimezone(UTC).strftime("%Y%m%d-%H%M-") + _letters(4)
            with disk_errors(self.home):
                private_folder(self.home / "runs")
                keep_controller_name(self.home)
                with suppress(FileExistsError):
                    (self.home / "runs" / run).mkdir(mode=0o700)
                    sync_folder(self.home / "runs")
                    return run

    def merge_all(self) -> list[Merged]:
        """Bring what a team's database lacks of this machine's runs into it; raises JournalError."""
        return self._records.merge_all()

    def bring_back(self, run: str, rows: Sequence[Row]) -> int:
        """Restore exported records of a run lost from this journal; return the number of missing records.

        `rows` is the whole chain of the run, verified by the caller. Raises DamagedRunError if the journal holds
        different records of the run, RunHeldError if another process holds the run.
        """
        self._see_that_it_is_writable()
        with self.hold(run):
            missing = self._records.restore(run, rows, lambda row: entry(row).record.kind)
            self._locks.mark_begun(run)
        return missing

    def records(self, run: str) -> Iterator[Entry]:
        """Yield the entries of a run in order; raises UnknownRunError."""
        rows = self._records.rows(run)
        if not rows:
            raise self._unknown(run)
        return (entry(row) for row in rows)

    def after(self, run: str, seq: int) -> Iterator[Entry]:
        """Yield the entries of a run after the one with number `seq`, in order; none for an unknown run."""
        return map(entry, self._records.after(run, seq))

    def heads(self, since: datetime | None = None) -> dict[str, int]:
        """Return the number of the last entry of every run, cheap enough to ask again and again.

        `since`: only runs with an entry at that time or later.
        """
        found = self._records.heads() if since is None else self._records.last_since(timestamp(since))
        return {run: seq for run, seq in found.items() if RUN_ID.fullmatch(run)}

    def heads_here(self) -> dict[str, int]:
        """Return the number of the last entry of every run that this machine has worked on, as far as it has."""
        return {run: seq for run, seq in self._records.heads_here().items() if RUN_ID.fullmatch(run)}

    def history(self, run: str, gist_of: Callable[[History], Mapping[str, Any]] | None = None) -> History:
        """Return the present history of a run, with the signs of damage to its records.

        `gist_of` gives what `looks` remembers of a run whose records hold. Raises UnknownRunError, and
        DamagedRunError for unreadable records.
        """
        from stopgap.orchestrator.journal.fold import fold  # noqa: PLC0415 - what lists runs folds none

        folder = folder_state(self.run_path(run))
        kept, problems = self._examined(run)
        try:
            entries = [entry(row) for row in kept.rows]
            folded = fold(run, entries, now=self._clock(), running=self.is_held(run))
        except JournalError as error:
            raise DamagedRunError(run, problems or [str(error)]) from None
        history = replace(folded, damage=tuple(problems), unsigned=tuple(self._unsigned(run, kept)))
        if gist_of and self.remembers and not (history.damage or history.unsigned or self.is_held(run)):
            self._looks.keep(run, kept, folder, gist_of(history))
        return history

    @property
    def remembers(self) -> bool:
        """Return True if looks at whole runs are remembered: not of a copy, nor where signatures are required."""
        return self.writable and self._signers is None

    def ends(self) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last record of every chain that ends where its head says."""
        return self._records.ends()

    def looks(self) -> dict[str, Look]:
        """Return what looks at whole runs have given, of the runs that are as they were then; by run.

        Where signatures are required, and in a state folder that cannot be written, there are none: each run is
        verified anew.
        """
        return self._looks.known() if self.remembers else {}

    def look_at(self, run: str) -> list[str]:
        """Verify a run as `verify` does, and remember a run without problems for `looks`."""
        folder = folder_state(self.run_path(run))
        kept, problems = self._examined(run)
        if self.remembers and not (problems or [*self._unsigned(run, kept)] or self.is_held(run)):
            self._looks.keep(run, kept, folder, None)
        return problems

    def runs(self, looks: Mapping[str, Look] | None = None) -> list[RunSummary]:
        """List all runs, the latest first; `looks`: those of `looks()`, of whose runs no record is read."""
        known = self.looks() if looks is None else looks
        ids = self._records.runs()
        read = [run for run in ids if run not in known]
        held = self._locks.elsewhere(read)
        found = self._records.latest_of_kinds(read, *SUMMED_UP)
        return [
            known[run].summary
            if run in known
            else summary(run, found[run], held=run in held or self._locks.is_mine(run))
            for run in reversed(ids)
        ]

    def of_run(self, run: str, *kinds: str) -> Iterator[Entry]:
        """Yield the entries of the given kinds of one run, in order."""
        return map(entry, self._records.of_run(run, *kinds))

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Entry]]:
        """Yield the entries of the given kinds of all runs, each with its run, in order of the append."""
        return ((run, entry(row)) for run, row in self._records.of_kinds(*kinds))

    def resolve(self, name: str) -> str:
        """Return the id for `last`, an id, or the unique beginning or end of an id; raises UnknownRunError."""
        ids, pruned = self._ids(), self._pruned()
        here = set(self._records.runs_here())
        found = [stray.run for stray in strays(self.home, ids, pruned, here=here)]
        return named(name, ids, found, pruned, self.home)

    def strays(self) -> list[Stray]:
        """Return the folders of runs unknown to this journal, and the runs of this machine without a folder."""
        return strays(self.home, self._ids(), self._pruned(), here=set(self._records.runs_here()))

    def pruned(self) -> list[RunPruned]:
        """Return what is on record of pruned runs, in order of the pruning; raises DamagedRunError."""
        if not (kept := self._records.kept(PRUNED)):
            return []
        if problems := list(integrity_problems(PRUNED, kept, read_beside(self.run_path(PRUNED)))):
            raise DamagedRunError(PRUNED, problems)
        from stopgap.orchestrator.journal.pruned_records import RunPruned  # noqa: PLC0415 - few journals have any

        return [record for row in kept.rows if isinstance(record := entry(row).record, RunPruned)]

    def prune(self, pruned: Sequence[RunPruned]) -> None:
        """Put the runs on record as pruned, and remove the records of the runs: both, or nothing.

        Raises JournalError for a run with records later than `last_hash`, or held by a process.
        """
        self._see_that_it_is_writable()
        heads = {each.run: (each.records - 1, each.last_hash) for each in pruned}
        at = timestamp(self._clock())
        texts = [(each.kind, at, canonical_record(each)) for each in pruned]
        self._records.prune(heads, texts, self.is_held)

    def last_row(self, run: str) -> Row:
        """Return the last row of a run; raises UnknownRunError."""
        if rows := self._records.rows(run):
            return rows[-1]
        raise self._unknown(run)

    def mentioned(self, run: str) -> frozenset[str]:
        """Return the ids of runs in the texts of a run's records."""
        return frozenset(found for row in self._records.rows(run) for found in RUN_ID.findall(row.record))

    def run_folder(self, run: str) -> Path:
        """Return the run's own folder, mode 0700, created if missing."""
        private_folder(self.home / "runs")
        return private_folder(self.home / "runs" / run)

    def run_path(self, run: str) -> Path:
        """Return the path of the run's own folder, existing or not."""
        return self.home / "runs" / run

    def verify(self, run: str, signers: Path | None = None) -> list[str]:
        """Return the problems of a run's records: see `integrity_problems`. Raises UnknownRunError."""
        return self._examined(run, signers)[1]

    def export(self, run: str, path: Path | None = None) -> Path:
        """Write the run's entries as JSON lines, by default to journal.jsonl in the run's folder, atomically."""
        self._see_that_it_is_writable()
        target = path or self.run_folder(run) / EXPORT
        write_at_once(
            target, "".join(export_line(run, row) + "\n" for row in self._records.rows(run)).encode("ascii")
        )
        return target

    def sign(self, run: str, key: Path) -> None:
        """Sign the head of a run's chain, beside journal.jsonl; raises SignatureError.

        `ssh-keygen -Y verify -f SIGNERS -I WHO -n stopgap -s journal.head.sig <journal.head` verifies the signature
        too.
        """
        from stopgap.orchestrator.signature import sign  # noqa: PLC0415 - few runs are signed

        content = head_text(run, self._records.rows(run))
        signature = sign(content, key)
        folder = self.run_folder(run)
        write_at_once(folder / HEAD, content)
        write_at_once(folder / SIGNATURE, signature)

    @contextmanager
    def hold(self, run: str, *, over: bool = False) -> Iterator[None]:
        """Hold the lock of a run for the length of the block; raises RunHeldError.

        The process of `begin` already holds the lock. `over`: take it from another machine, which then does nothing
        more.
        """
        mine = self._hold(run, over=over)
        try:
            yield
        finally:
            if mine:
                self._locks.release(run)

    def is_held(self, run: str) -> bool:
        """Return True if a process of this machine or of the team, the current one included, holds the run's lock."""
        return self._locks.is_mine(run) or self._locks.is_elsewhere(run)

    def _hold(self, run: str, *, over: bool = False) -> bool:
        return with_room(self.home, lambda: self._locks.take(run, self.run_folder(run), over=over))

    def _examined(self, run: str, signers: Path | None = None) -> tuple[Kept, list[str]]:
        """Read a run's records with their problems; a concurrent writer is no damage."""
        for last in (False, True):
            beside = read_beside(self.run_path(run))
            kept = self._kept(run)
            problems = list(integrity_problems(run, kept, beside, signers))
            if last or not problems or not self.is_held(run):
                break
            # The process with the lock may be about to replace the signature of the new head.
            time.sleep(_SIGNING)
        return kept, problems

    def _unsigned(self, run: str, kept: Kept) -> Iterator[str]:
        """Yield the unsigned changes; a running run is signed at its end."""
        if run not in self._begun and not self._locks.is_elsewhere(run):
            yield from unsigned_changes(run, kept, self.run_path(run))
            if self._signers:
                yield from head_problems(run, kept.rows, self.run_path(run), self._signers)

    def _kept(self, run: str) -> Kept:
        if kept := self._records.kept(run):
            return kept
        raise self._unknown(run)

    def _ids(self) -> list[str]:
        return in_order_of_start(self._records.runs())

    def _pruned(self) -> list[str]:
        try:
            return [each.run for each in self.pruned()]
        except JournalError:
            return []

    def _see_that_it_is_writable(self) -> None:
        if not self.writable:
            raise JournalError(tr("{home} cannot be written; set STOPGAP_HOME to a folder that can", home=self.home))

    def _unknown(self, run: str) -> UnknownRunError:
        return UnknownRunError(tr("there is no run {run} below {home}", run=run, home=self.home))


def _letters(count: int) -> str:
    import secrets  # noqa: PLC0415 - what reads begins no run

    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
