"""The journal of all runs: append, read back, find a run, verify it, hold it."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stopgap.orchestrator.journal.chain import (
    GENESIS,
    Entry,
    Row,
    canonical_record,
    chain_problems,
    entry,
    export_line,
    link,
    read_export,
    timestamp,
)
from stopgap.orchestrator.journal.database import open_database, select, transaction
from stopgap.orchestrator.journal.disk import disk_errors, write_at_once
from stopgap.orchestrator.journal.failure import JournalError, RunHeldError, UnknownRunError
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.head import HEAD, SIGNATURE, head_problems, head_text
from stopgap.orchestrator.journal.history import History
from stopgap.orchestrator.journal.home import private_folder, sync_folder
from stopgap.orchestrator.journal.lock import is_taken, take
from stopgap.orchestrator.journal.records import AnyRecord, RunFinished, RunStarted
from stopgap.orchestrator.signature import sign

EXPORT = "journal.jsonl"
_HEAD = "SELECT seq, hash FROM heads WHERE run = ?"
_ROW = (int, str, str, str)
"""Types of what a Row is made from."""
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class RunSummary:
    """One run, in a list of runs."""

    id: str
    started: datetime | None
    runbook: str
    targets: tuple[str, ...]
    operator: str
    state: str
    """As History.state, or `damaged`."""
    finished: datetime | None
    exit_code: int | None


class Journal:
    """The journal below one home. Every method may be called by many threads, and by several processes at once.

    Every method raises JournalError where the disk fails.
    """

    def __init__(self, home: Path, *, clock: Callable[[], datetime] = _utc_now) -> None:
        """Open; `open` is the way to call it."""
        self.home = private_folder(home)
        self.path = home / "journal.sqlite"
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._database = open_database(self.path)

    @classmethod
    def open(cls, home: Path, *, clock: Callable[[], datetime] = _utc_now) -> Self:
        """Open the journal of a home, made (0700, the file 0600) where it is missing."""
        return cls(home, clock=clock)

    def close(self) -> None:
        """Close it, and let go of every run that is held."""
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
        """Open a run, hold it until the journal is closed, and give its id: `20261123-0113-k3f9`, UTC, sortable."""
        while True:
            run = self._clock().astimezone(UTC).strftime("%Y%m%d-%H%M-") + _letters(4)
            with disk_errors(self.home):
                private_folder(self.home / "runs")
                with suppress(FileExistsError):
                    (self.home / "runs" / run).mkdir(mode=0o700)
                    sync_folder(self.home / "runs")
                    break
        self._hold(run)
        self.append(run, started)
        return run

    def append(self, run: str, *records: AnyRecord) -> None:
        """Add records, all or none; they are on disk when it returns."""
        texts = [(record.kind, canonical_record(record)) for record in records]
        with self._lock, transaction(self._database, self.path):
            found = select(self._database, self.path, _HEAD, (run,), int, str)
            seq, previous = found[0] if found else (-1, GENESIS)
            for kind, text in texts:
                seq, at = seq + 1, timestamp(self._clock())
                previous = link(previous, run, seq, at, text)
                self._database.execute(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", (run, seq, at, kind, text, previous)
                )
            self._database.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", (run, seq, previous))

    def records(self, run: str) -> Iterator[Entry]:
        """Give the entries of a run in their order; raises UnknownRunError."""
        rows = self._rows(run)
        if not rows:
            raise self._unknown(run)
        return (entry(row) for row in rows)

    def history(self, run: str) -> History:
        """Give what the records of a run amount to, now."""
        return fold(run, self.records(run), now=self._clock(), running=self.is_held(run))

    def runs(self) -> list[RunSummary]:
        """List all runs, the latest first."""
        # Beside max(), SQLite takes the other columns from the row that holds the maximum.
        query = (
            "SELECT rowid, run, kind, max(seq), at, record, hash FROM records"
            " WHERE kind IN ('run-started', 'step-started', 'run-finished') GROUP BY run, kind"
        )
        found: dict[str, dict[str, Row]] = {}
        for _, run, kind, *row in sorted(self._select(query, (), int, str, str, *_ROW)):
            found.setdefault(run, {})[kind] = Row(*row)
        return [self._summary(run, rows) for run, rows in reversed(found.items())]

    def of_run(self, run: str, *kinds: str) -> Iterator[Entry]:
        """Give the entries of these kinds of one run, in their order."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT seq, at, record, hash FROM records WHERE run = ? AND kind IN ({marks}) ORDER BY seq"  # noqa: S608
        return (entry(Row(*row)) for row in self._select(query, (run, *kinds), *_ROW))

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Entry]]:
        """Give the entries of these kinds of all runs, each with its run, in the order in which they were added."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT run, seq, at, record, hash FROM records WHERE kind IN ({marks}) ORDER BY rowid"  # noqa: S608
        return ((run, entry(Row(*row))) for run, *row in self._select(query, kinds, str, *_ROW))

    def resolve(self, name: str) -> str:
        """Give the id that `last`, an id, or the unique beginning or end of one means; raises UnknownRunError."""
        query = "SELECT run FROM records WHERE seq = 0 AND kind <> 'incident-opened' ORDER BY rowid"
        ids = [str(run) for (run,) in self._select(query, (), str)]
        if not ids:
            raise UnknownRunError(f"there is no run yet below {self.home}")
        if name == "last":
            return ids[-1]
        found = [run for run in ids if name and (run.startswith(name) or run.endswith(name))]
        if name in ids or len(found) == 1:
            return name if name in ids else found[0]
        if found:
            raise UnknownRunError(f"{name} could be any of {len(found)} runs: {', '.join(found[-5:])}")
        nearest = get_close_matches(name, [*ids, "last"], 1, 0.5)
        raise UnknownRunError(f"there is no run {name}" + (f"; did you mean {nearest[0]}?" if nearest else ""))

    def run_folder(self, run: str) -> Path:
        """Give the run's own folder, mode 0700."""
        private_folder(self.home / "runs")
        return private_folder(self.home / "runs" / run)

    def verify(self, run: str, signers: Path | None = None) -> list[str]:
        """Give what is wrong with a run's records: flipped, deleted, reordered, or cut off at the end.

        What was cut off shows by the head that is kept beside the records, by journal.jsonl where the run was
        exported, and by the signed head; with `signers` there has to be one, by one of them.
        """
        head = next(iter(self._select(_HEAD, (run,), int, str)), None)
        rows = self._rows(run)
        if not rows and head is None:
            raise self._unknown(run)
        problems = list(chain_problems(run, rows))
        problems += [f"record {seq}: is listed as another kind" for seq in self._misfiled(run)]
        if head is None:
            problems.append("the head of the chain is missing")
        elif not rows or rows[-1].seq < head[0]:
            problems.append(
                f"cut off: the chain reached record {head[0]}, and ends at {rows[-1].seq if rows else -1}"
            )
        elif (rows[-1].seq, rows[-1].hash) != head:
            problems.append(f"record {rows[-1].seq}: is not the head that was written last")
        exported = self.home / "runs" / run / EXPORT
        problems += head_problems(run, rows, exported.parent, signers)
        return problems + (_export_problems(run, rows, exported) if exported.exists() else [])

    def export(self, run: str, path: Path | None = None) -> Path:
        """Write the run's entries as JSON lines, by default to journal.jsonl in its folder, replaced at once."""
        target = path or self.run_folder(run) / EXPORT
        write_at_once(target, "".join(export_line(run, row) + "\n" for row in self._rows(run)).encode("ascii"))
        return target

    def sign(self, run: str, key: Path) -> None:
        """Sign the head of a run's chain, beside its journal.jsonl; raises SignatureError.

        `ssh-keygen -Y verify -f SIGNERS -I WHO -n stopgap -s journal.head.sig <journal.head` checks it too.
        """
        content = head_text(run, self._rows(run))
        signature = sign(content, key)
        folder = self.run_folder(run)
        write_at_once(folder / HEAD, content)
        write_at_once(folder / SIGNATURE, signature)

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Be the one process that is at work on a run, for the length of a block; raises RunHeldError.

        The process that began the run holds it already.
        """
        mine = self._hold(run)
        try:
            yield
        finally:
            if mine:
                with self._lock:
                    os.close(self._held.pop(run))

    def is_held(self, run: str) -> bool:
        """Tell whether a process of this machine, this one included, is at work on the run."""
        with self._lock:
            if run in self._held:
                return True
        return is_taken(self.home / "runs" / run / "lock")

    def _hold(self, run: str) -> bool:
        path = self.run_folder(run) / "lock"
        with self._lock:
            if run in self._held:
                return False
            with disk_errors(path):
                descriptor = take(path)
            if descriptor is None:
                raise RunHeldError(f"another process is at work on run {run}")
            self._held[run] = descriptor
        return True

    def _rows(self, run: str) -> list[Row]:
        query = "SELECT seq, at, record, hash FROM records WHERE run = ? ORDER BY seq"
        return [Row(*row) for row in self._select(query, (run,), *_ROW)]

    def _misfiled(self, run: str) -> list[int]:
        query = "SELECT seq FROM records WHERE run = ? AND instr(record, '\"kind\":\"' || kind || '\"') = 0"
        return [seq for (seq,) in self._select(query, (run,), int)]

    def _select(self, query: str, parameters: Sequence[str], *columns: type) -> list[tuple[Any, ...]]:
        with self._lock:
            return select(self._database, self.path, query, parameters, *columns)

    def _unknown(self, run: str) -> UnknownRunError:
        return UnknownRunError(f"there is no run {run} below {self.home}")

    def _summary(self, run: str, rows: dict[str, Row]) -> RunSummary:
        try:
            first = entry(rows["run-started"])
            last = entry(rows["run-finished"]) if "run-finished" in rows else None
        except (JournalError, KeyError):
            return RunSummary(run, None, "?", (), "?", "damaged", None, None)
        assert isinstance(first.record, RunStarted)  # noqa: S101
        if last and "step-started" in rows and rows["step-started"].seq > last.seq:
            last = None
        finish = last.record if last and isinstance(last.record, RunFinished) else None
        state = finish.outcome if finish else "running" if self.is_held(run) else "interrupted"
        return RunSummary(
            run,
            first.at,
            first.record.runbook_name,
            first.record.targets,
            first.record.operator,
            state,
            last.at if last else None,
            finish.exit_code if finish else None,
        )


def _export_problems(run: str, rows: list[Row], exported: Path) -> list[str]:
    other, lines, problems = read_export(exported)
    if other != run:
        return [*problems, f"{exported.name}: is of run {other}"]
    if len(lines) > len(rows):
        problems.append(f"cut off: {exported.name} holds {len(lines)} records, the journal {len(rows)}")
    known = {row.seq: row for row in rows}
    differing = [line.seq for line in lines if line.seq in known and known[line.seq] != line]
    return problems + [f"record {seq}: {exported.name} has another" for seq in differing]


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
