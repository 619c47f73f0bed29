"""The journal of all runs: append, read, find, verify and lock a run."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stopgap.orchestrator.journal.chain import (
    GENESIS,
    Entry,
    Row,
    canonical_record,
    entry,
    export_line,
    link,
    timestamp,
)
from stopgap.orchestrator.journal.database import open_copy, open_database, select, snapshot, transaction
from stopgap.orchestrator.journal.disk import disk_errors, write_at_once
from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError, RunHeldError, UnknownRunError
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.head import HEAD, SIGNATURE, head_problems, head_text
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.home import (
    identity,
    is_writable,
    keep_controller_name,
    private_folder,
    required_signers,
    sync_folder,
)
from stopgap.orchestrator.journal.integrity import EXPORT, Kept, integrity_problems, read_beside, unsigned_changes
from stopgap.orchestrator.journal.listing import RunSummary, in_order_of_start, named, summary
from stopgap.orchestrator.journal.lock import is_taken, take
from stopgap.orchestrator.journal.records import AnyRecord, RunStarted
from stopgap.orchestrator.journal.reserve import set_aside, with_room
from stopgap.orchestrator.journal.strays import Stray, mark_begun, strays
from stopgap.orchestrator.signature import sign
from stopgap.orchestrator.text import tr

_HEAD = "SELECT seq, hash FROM heads WHERE run = ?"
_ROWS = "SELECT seq, at, record, hash FROM records WHERE run = ? ORDER BY seq"
_SOME = "SELECT seq FROM records WHERE run = ? LIMIT 1"
_MISFILED = "SELECT seq FROM records WHERE run = ? AND instr(record, '\"kind\":\"' || kind || '\"') = 0"
_SIGNING = 0.1
"""Seconds from a new head to the signature, with a margin."""
_ROW = (int, str, str, str)
"""Types of the columns of a Row."""
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """The journal of one state folder, safe for many threads and several processes at once.

    Every method raises JournalError if the disk fails.
    """

    def __init__(
        self,
        home: Path,
        *,
        clock: Callable[[], datetime] = _utc_now,
        reading: bool = False,
        signers: Path | None = None,
    ) -> None:
        """Create the journal; callers use `open` and `open_to_read`.

        `signers` are required to have signed every run without a live process; other runs are `unsigned`.
        """
        self._signers = signers
        self.home = home
        self.path = home / "journal.sqlite"
        self.writable = not reading
        """False: the records come from a copy of a read-only state folder."""
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._begun: set[str] = set()
        if not reading:
            private_folder(home)
        self._database = open_copy(self.path) if reading else with_room(home, lambda: open_database(self.path))
        if not reading:
            set_aside(home)
        self._identity = identity(self.path)

    @classmethod
    def open(cls, home: Path, *, clock: Callable[[], datetime] = _utc_now) -> Self:
        """Open the journal of a state folder; a missing folder (0700) and file (0600) are created.

        `$STOPGAP_SIGNERS` names the required signers of the runs.
        """
        return cls(home, clock=clock, signers=required_signers())

    @classmethod
    def open_to_read(cls, home: Path, *, clock: Callable[[], datetime] = _utc_now) -> Self:
        """Open a journal for reading; a read-only state folder is enough."""
        return cls(home, clock=clock, reading=not is_writable(home), signers=required_signers())

    def now(self) -> datetime:
        """Return the present time, by the journal's clock."""
        return self._clock()

    def displaced(self) -> bool:
        """Return True if the state folder was moved or deleted since the opening: later records would be lost."""
        return self.writable and identity(self.path) != self._identity

    def close(self) -> None:
        """Close the journal, and release the lock of every held run."""
        with self._lock:
            self._database.close()
            for descriptor in self._held.values():
                os.close(descriptor)
            self._held.clear()

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
        run = with_room(self.home, self._new_run)
        self._hold(run)
        self.append(run, started)
        self._begun.add(run)
        mark_begun(self._held[run])
        return run

    def append(self, run: str, *records: AnyRecord) -> None:
        """Append records, all or no record; return after the write to disk."""
        # Taken before any wait for the database: the time of the event, not of the write.
        texts = [(record.kind, timestamp(self._clock()), canonical_record(record)) for record in records]
        self._see_that_it_is_writable()
        with_room(self.home, lambda: self._append(run, texts))

    def append_if(self, run: str, holds: Callable[[Sequence[Entry]], bool], *records: AnyRecord) -> bool:
        """Append records only if `holds` is true of the run's entries; no other process writes in between."""
        texts = [(record.kind, timestamp(self._clock()), canonical_record(record)) for record in records]
        self._see_that_it_is_writable()
        return with_room(self.home, lambda: self._append(run, texts, holds))

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

    def _append(
        self,
        run: str,
        texts: Sequence[tuple[str, str, str]],
        holds: Callable[[Sequence[Entry]], bool] | None = None,
    ) -> bool:
        with self._lock, transaction(self._database, self.path):
            if holds:
                rows = select(self._database, self.path, _ROWS, (run,), *_ROW)
                if not holds([entry(Row(*row)) for row in rows]):
                    return False
            found = select(self._database, self.path, _HEAD, (run,), int, str)
            seq, previous = found[0] if found else (-1, GENESIS)
            if not found and select(self._database, self.path, _SOME, (run,), int):
                raise DamagedRunError(run, [tr("the head of the chain is missing")])
            for kind, at, text in texts:
                seq += 1
                previous = link(previous, run, seq, at, text)
                self._insert(run, kind, Row(seq, at, text, previous))
            self._database.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", (run, seq, previous))
        return True

    def bring_back(self, run: str, rows: Sequence[Row]) -> int:
        """Restore exported records of a run lost from this journal; return the number of missing records.

        `rows` is the whole chain of the run, verified by the caller. Raises DamagedRunError if the journal holds
        different records of the run, RunHeldError if another process holds the run.
        """
        self._see_that_it_is_writable()
        with self.hold(run):
            with self._lock, transaction(self._database, self.path):
                mine = [Row(*row) for row in select(self._database, self.path, _ROWS, (run,), *_ROW)]
                if mine != list(rows[: len(mine)]):
                    raise DamagedRunError(
                        run, [tr("the journal has other records of it than {export}", export=EXPORT)]
                    )
                for row in rows[len(mine) :]:
                    self._insert(run, entry(row).record.kind, row)
                self._database.execute(
                    "INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", (run, rows[-1].seq, rows[-1].hash)
                )
            mark_begun(self._held[run])
        return len(rows) - len(mine)

    def records(self, run: str) -> Iterator[Entry]:
        """Yield the entries of a run in order; raises UnknownRunError."""
        rows = self._rows(run)
        if not rows:
            raise self._unknown(run)
        return (entry(row) for row in rows)

    def history(self, run: str) -> History:
        """Return the present history of a run, with the signs of damage to its records.

        Raises UnknownRunError, and DamagedRunError for unreadable records.
        """
        kept, problems = self._examined(run)
        try:
            entries = [entry(row) for row in kept.rows]
            folded = fold(run, entries, now=self._clock(), running=self.is_held(run))
        except JournalError as error:
            raise DamagedRunError(run, problems or [str(error)]) from None
        return replace(folded, damage=tuple(problems), unsigned=tuple(self._unsigned(run, kept)))

    def runs(self) -> list[RunSummary]:
        """List all runs, the latest first."""
        # Beside max(), SQLite takes the other columns from the row with the maximum.
        query = (
            "SELECT rowid, run, kind, max(seq), at, record, hash FROM records"
            " WHERE kind IN ('run-started', 'step-started', 'run-finished') GROUP BY run, kind"
        )
        found: dict[str, dict[str, Row]] = {}
        for _, run, kind, *row in sorted(self._select(query, (), int, str, str, *_ROW)):
            found.setdefault(run, {})[kind] = Row(*row)
        return [summary(run, rows, held=self.is_held(run)) for run, rows in reversed(found.items())]

    def of_run(self, run: str, *kinds: str) -> Iterator[Entry]:
        """Yield the entries of the given kinds of one run, in order."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT seq, at, record, hash FROM records WHERE run = ? AND kind IN ({marks}) ORDER BY seq"  # noqa: S608
        return (entry(Row(*row)) for row in self._select(query, (run, *kinds), *_ROW))

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Entry]]:
        """Yield the entries of the given kinds of all runs, each with its run, in order of the append."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT run, seq, at, record, hash FROM records WHERE kind IN ({marks}) ORDER BY rowid"  # noqa: S608
        return ((run, entry(Row(*row))) for run, *row in self._select(query, kinds, str, *_ROW))

    def resolve(self, name: str) -> str:
        """Return the id for `last`, an id, or the unique beginning or end of an id; raises UnknownRunError."""
        ids = self._ids()
        return named(name, ids, [stray.run for stray in strays(self.home, ids)], self.home)

    def strays(self) -> list[Stray]:
        """Return the folders of runs unknown to this journal, and the runs without a folder."""
        return strays(self.home, self._ids())

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
        write_at_once(target, "".join(export_line(run, row) + "\n" for row in self._rows(run)).encode("ascii"))
        return target

    def sign(self, run: str, key: Path) -> None:
        """Sign the head of a run's chain, beside journal.jsonl; raises SignatureError.

        `ssh-keygen -Y verify -f SIGNERS -I WHO -n stopgap -s journal.head.sig <journal.head` verifies the signature
        too.
        """
        content = head_text(run, self._rows(run))
        signature = sign(content, key)
        folder = self.run_folder(run)
        write_at_once(folder / HEAD, content)
        write_at_once(folder / SIGNATURE, signature)

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Hold the lock of a run for the length of the block; raises RunHeldError.

        The process of `begin` already holds the lock.
        """
        mine = self._hold(run)
        try:
            yield
        finally:
            if mine:
                with self._lock:
                    os.close(self._held.pop(run))

    def is_held(self, run: str) -> bool:
        """Return True if a process of this machine, the current process included, holds the lock of the run."""
        with self._lock:
            if run in self._held:
                return True
        return is_taken(self.home / "runs" / run / "lock")

    def _hold(self, run: str) -> bool:
        return with_room(self.home, lambda: self._take(run))

    def _take(self, run: str) -> bool:
        path = self.run_folder(run) / "lock"
        with self._lock:
            if run in self._held:
                return False
            with disk_errors(path):
                descriptor = take(path)
            if descriptor is None:
                raise RunHeldError(tr("another process is at work on run {run}", run=run))
            self._held[run] = descriptor
        return True

    def _rows(self, run: str) -> list[Row]:
        return [Row(*row) for row in self._select(_ROWS, (run,), *_ROW)]

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
        with self._lock:
            goes_on = run in self._begun or (run not in self._held and is_taken(self.run_path(run) / "lock"))
        if not goes_on:
            yield from unsigned_changes(run, kept, self.run_path(run))
            if self._signers:
                yield from head_problems(run, kept.rows, self.run_path(run), self._signers)

    def _kept(self, run: str) -> Kept:
        with self._lock, snapshot(self._database, self.path):
            head = select(self._database, self.path, _HEAD, (run,), int, str)
            rows = [Row(*row) for row in select(self._database, self.path, _ROWS, (run,), *_ROW)]
            misfiled = [seq for (seq,) in select(self._database, self.path, _MISFILED, (run,), int)]
        if not rows and not head:
            raise self._unknown(run)
        return Kept(rows, head[0] if head else None, misfiled)

    def _ids(self) -> list[str]:
        query = "SELECT run FROM records WHERE seq = 0 AND kind <> 'incident-opened' ORDER BY rowid"
        ids = [str(run) for (run,) in self._select(query, (), str)]
        beheaded = "SELECT DISTINCT run FROM records EXCEPT SELECT run FROM records WHERE seq = 0"
        return in_order_of_start([*ids, *(str(run) for (run,) in self._select(beheaded, (), str))])

    def _insert(self, run: str, kind: str, row: Row) -> None:
        values = (run, row.seq, row.at, kind, row.record, row.hash)
        self._database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", values)

    def _see_that_it_is_writable(self) -> None:
        if not self.writable:
            raise JournalError(tr("{home} cannot be written; set STOPGAP_HOME to a folder that can", home=self.home))

    def _select(self, query: str, parameters: Sequence[str], *columns: type) -> list[tuple[Any, ...]]:
        with self._lock:
            return select(self._database, self.path, query, parameters, *columns)

    def _unknown(self, run: str) -> UnknownRunError:
        return UnknownRunError(tr("there is no run {run} below {home}", run=run, home=self.home))


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
