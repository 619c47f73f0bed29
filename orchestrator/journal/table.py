"""The tables of the journal: rows of records, and the head of each run's chain. All SQL of a journal is here."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from stopgap.orchestrator.journal.chain import GENESIS, Row, link
from stopgap.orchestrator.journal.database import NO_DELETE, select, snapshot, transaction
from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError
from stopgap.orchestrator.journal.integrity import EXPORT, Kept
from stopgap.orchestrator.journal.strays import RUN_ID
from stopgap.orchestrator.text import tr

_HEAD = "SELECT seq, hash FROM heads WHERE run = ?"
_ROWS = "SELECT seq, at, record, hash FROM records WHERE run = ? ORDER BY seq"
_SOME = "SELECT seq FROM records WHERE run = ? LIMIT 1"
_MISFILED = "SELECT seq FROM records WHERE run = ? AND instr(record, '\"kind\":\"' || kind || '\"') = 0"
_NEW_HEAD = "INSERT OR REPLACE INTO heads VALUES (?, ?, ?)"
_PRUNED = (
    "SELECT seq FROM records WHERE run = ? AND kind = 'run-pruned' AND instr(record, '\"run\":\"' || ? || '\"') > 0"
)
_RUNS = (
    # A loose scan: one look into the index for each run, instead of one for each record.
    "WITH RECURSIVE names(run) AS (SELECT min(run) FROM records UNION ALL"
    " SELECT (SELECT min(run) FROM records WHERE run > names.run) FROM names WHERE names.run IS NOT NULL)"
    " SELECT names.run, ifnull(first.rowid, 0), ifnull(first.kind, '') FROM names"
    " LEFT JOIN records first ON first.run = names.run AND first.seq = 0 WHERE names.run IS NOT NULL"
)
_ENDS = (
    "SELECT h.run, h.seq, h.hash FROM heads h JOIN records r ON r.run = h.run AND r.seq = h.seq AND r.hash = h.hash"
    " WHERE NOT EXISTS (SELECT 1 FROM records later WHERE later.run = h.run AND later.seq > h.seq)"
)
_EDITS = (
    # An edit has to drop a trigger, which changes the schema's version; a row that is replaced gets a new number.
    "SELECT schema_version, (SELECT ifnull(max(rowid), 0) - count(*) FROM records) FROM pragma_schema_version"
)
_CONTENT = (
    "SELECT CAST(ifnull(group_concat(content, ''), '') AS BLOB) FROM"
    " (SELECT seq || '|' || hash || at || kind || record AS content FROM records WHERE run = ? ORDER BY seq)"
)
_ROW = (int, str, str, str)
"""Types of the columns of a Row."""
_OTHER_CHAINS = frozenset({"incident-opened", "run-pruned", "authorized"})
"""Kinds of first records of chains that are no runs."""
PRUNED = "pruned"
"""Name of the chain with a record of each pruned run."""


class RecordTable:
    """The records of all runs in one database, safe for many threads."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        """`path` names the database in errors."""
        self._database = database
        self._path = path
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def append(
        self, run: str, texts: Sequence[tuple[str, str, str]], holds: Callable[[Sequence[Row]], bool] | None = None
    ) -> int | None:
        """Append records to a run's chain, each as kind, time and text, all or none; return the number of the first.

        `holds` decides by the run's rows, in the same transaction; None: nothing was appended. Raises
        DamagedRunError for a chain without a head, JournalError for a pruned run.
        """
        with self._lock, transaction(self._database, self._path):
            if holds and not holds(self._rows(run)):
                return None
            return self._append(run, texts)

    def prune(
        self,
        heads: Mapping[str, tuple[int, str]],
        texts: Sequence[tuple[str, str, str]],
        is_held: Callable[[str], bool],
    ) -> None:
        """Remove the records of runs, and append texts to the chain of pruned runs: both, or nothing.

        `heads`: run → number and hash of the last record that the caller has judged. Raises JournalError for a run
        with another head, or held by a process.
        """
        with self._lock, transaction(self._database, self._path):
            for run, head in heads.items():
                if is_held(run) or select(self._database, self._path, _HEAD, (run,), int, str) != [head]:
                    raise JournalError(
                        tr(
                            "run {run} was changed at this moment; nothing was removed; give the command again",
                            run=run,
                        )
                    )
            self._append(PRUNED, texts)
            self._remove(heads)

    def restore(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> int:
        """Restore a run's whole chain; return the number of rows that were missing.

        Raises DamagedRunError if the table has other rows of the run, JournalError for a pruned run.
        """
        with self._lock, transaction(self._database, self._path):
            self._refuse_pruned(run)
            mine = self._rows(run)
            if mine != list(rows[: len(mine)]):
                raise DamagedRunError(run, [tr("the journal has other records of it than {export}", export=EXPORT)])
            for row in rows[len(mine) :]:
                self._insert(run, kind_of(row), row)
            self._database.execute(_NEW_HEAD, (run, rows[-1].seq, rows[-1].hash))
        return len(rows) - len(mine)

    def add(self, run: str, rows: Sequence[Row], kinds: Sequence[str]) -> None:
        """Append rows of the given kinds that are linked already, behind the head; the caller has verified the links.

        Raises DamagedRunError for a row of another number.
        """
        with self._lock, transaction(self._database, self._path):
            found = select(self._database, self._path, _HEAD, (run,), int, str)
            if rows[0].seq != (found[0][0] + 1 if found else 0):
                raise DamagedRunError(run, [tr("the journal has other records of it than {export}", export=EXPORT)])
            for row, kind in zip(rows, kinds, strict=True):
                self._insert(run, kind, row)
            self._database.execute(_NEW_HEAD, (run, rows[-1].seq, rows[-1].hash))

    def replace(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> None:
        """Put the rows in the place of those of a run; no rows: forget the run."""
        with self._lock, transaction(self._database, self._path):
            self._remove([run])
            for row in rows:
                self._insert(run, kind_of(row), row)
            if rows:
                self._database.execute(_NEW_HEAD, (run, rows[-1].seq, rows[-1].hash))

    def head(self, run: str) -> tuple[int, str] | None:
        """Return number and hash of a run's last record."""
        found = self._select(_HEAD, (run,), int, str)
        return (found[0][0], found[0][1]) if found else None

    def chains(self) -> list[str]:
        """Return the names of all chains: runs, incidents, pruned runs."""
        return [str(run) for (run,) in self._select("SELECT run FROM heads ORDER BY run", (), str)]

    def rows(self, run: str) -> list[Row]:
        """Return the rows of a run, in order."""
        with self._lock:
            return self._rows(run)

    def kept(self, run: str) -> Kept | None:
        """Return rows, head and misfiled rows of a run, as of one moment; None for an unknown run."""
        with self._lock, snapshot(self._database, self._path):
            head = select(self._database, self._path, _HEAD, (run,), int, str)
            rows = self._rows(run)
            misfiled = [seq for (seq,) in select(self._database, self._path, _MISFILED, (run,), int)]
            content = select(self._database, self._path, _CONTENT, (run,), bytes)
        digest = sha256(content[0][0]).hexdigest()
        return Kept(rows, head[0] if head else None, misfiled, digest) if rows or head else None

    def ends(self) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last record of every chain that ends where its head says."""
        return {run: (seq, digest) for run, seq, digest in self._select(_ENDS, (), str, int, str)}

    def edits(self) -> str:
        """Return a text that changes with every statement that edits or deletes records."""
        status = self._path.stat()
        found = self._select(_EDITS, (), int, int)[0]
        return f"{self._path} {status.st_dev} {status.st_ino} {found[0]} {found[1]}"

    def digests(self, runs: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of all that is stored of each run: see `Kept.digest`."""
        return {run: sha256(self._select(_CONTENT, (run,), bytes)[0][0]).hexdigest() for run in runs}

    def of_run(self, run: str, *kinds: str) -> list[Row]:
        """Return the rows of the given kinds of one run, in order."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT seq, at, record, hash FROM records WHERE run = ? AND kind IN ({marks}) ORDER BY seq"  # noqa: S608
        return [Row(*row) for row in self._select(query, (run, *kinds), *_ROW)]

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the given kinds of all runs, each with its run, in order of the append."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT run, seq, at, record, hash FROM records WHERE kind IN ({marks}) ORDER BY rowid"  # noqa: S608
        return ((run, Row(*row)) for run, *row in self._select(query, kinds, str, *_ROW))

    def latest_of_kinds(self, runs: Iterable[str], *kinds: str) -> dict[str, dict[str, Row]]:
        """Return the last row of each kind of each of the runs."""
        query = "SELECT seq, at, record, hash FROM records WHERE run = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
        with self._lock:
            return {
                run: {
                    kind: Row(*row)
                    for kind in kinds
                    for row in select(self._database, self._path, query, (run, kind), *_ROW)
                }
                for run in runs
            }

    def after(self, run: str, seq: int) -> list[Row]:
        """Return the rows of a run with a higher number than `seq`, in order."""
        query = "SELECT seq, at, record, hash FROM records WHERE run = ? AND seq > ? ORDER BY seq"
        return [Row(*row) for row in self._select(query, (run, seq), *_ROW)]

    def heads(self) -> dict[str, int]:
        """Return the number of the last record of every chain."""
        return dict(self._select("SELECT run, seq FROM heads", (), str, int))

    def last_since(self, at: str) -> dict[str, int]:
        """Return the number of the last record of every chain with a record at or after a time."""
        query = "SELECT run, max(seq) FROM records WHERE at >= ? GROUP BY run"
        return dict(self._select(query, (at,), str, int))

    def runs(self) -> list[str]:
        """Return the ids of all runs, by the order of their beginning; runs without their first record come last."""
        return in_order_of_append(self._select(_RUNS, (), str, int, str))

    def _append(self, run: str, texts: Sequence[tuple[str, str, str]]) -> int:
        found: list[Any] = select(self._database, self._path, _HEAD, (run,), int, str)
        seq: int = found[0][0] if found else -1
        previous: str = found[0][1] if found else GENESIS
        if not found:
            self._refuse_pruned(run)
            if select(self._database, self._path, _SOME, (run,), int):
                raise DamagedRunError(run, [tr("the head of the chain is missing")])
        for kind, at, text in texts:
            seq += 1
            previous = link(previous, run, seq, at, text)
            self._insert(run, kind, Row(seq, at, text, previous))
        self._database.execute(_NEW_HEAD, (run, seq, previous))
        return seq - len(texts) + 1

    def _remove(self, runs: Iterable[str]) -> None:
        self._database.execute("DROP TRIGGER no_delete")
        for run in runs:
            self._database.execute("DELETE FROM records WHERE run = ?", (run,))
            self._database.execute("DELETE FROM heads WHERE run = ?", (run,))
        self._database.execute(NO_DELETE)

    def _refuse_pruned(self, run: str) -> None:
        if select(self._database, self._path, _PRUNED, (PRUNED, run), int):
            raise JournalError(pruned_text(run))

    def _rows(self, run: str) -> list[Row]:
        return [Row(*row) for row in select(self._database, self._path, _ROWS, (run,), *_ROW)]

    def _insert(self, run: str, kind: str, row: Row) -> None:
        values = (run, row.seq, row.at, kind, row.record, row.hash)
        self._database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", values)

    def _select(self, query: str, parameters: Sequence[str | int], *columns: type) -> list[tuple[Any, ...]]:
        with self._lock:
            return select(self._database, self._path, query, parameters, *columns)


def in_order_of_append(found: Iterable[tuple[str, int, str]]) -> list[str]:
    """Return the runs of chains, each given with place and kind of its first record; a chain without one comes last.

    >>> in_order_of_append([("b", 4, "run-started"), ("a", 0, ""), ("c", 3, "run-started")])
    ['c', 'b', 'a']
    """
    runs = [each for each in found if each[2] not in _OTHER_CHAINS or RUN_ID.fullmatch(each[0])]
    return [run for run, _, _ in sorted(runs, key=lambda each: (not each[2], each[1], each[0]))]


def pruned_text(run: str) -> str:
    """Say that a run was pruned, and where to read of the run."""
    return tr("run {run} was pruned; `stopgap runs --pruned` tells when, and by whom", run=run)
