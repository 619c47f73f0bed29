"""The records of one state folder, in SQLite: the default of the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from stopgap.orchestrator.journal.chain import Row
from stopgap.orchestrator.journal.database import open_copy, open_database
from stopgap.orchestrator.journal.home import identity, private_folder
from stopgap.orchestrator.journal.integrity import Kept
from stopgap.orchestrator.journal.merged import Merged
from stopgap.orchestrator.journal.reserve import set_aside, with_room
from stopgap.orchestrator.journal.table import RecordTable
from stopgap.orchestrator.text import Text

FILE = "journal.sqlite"


class LocalRecords:
    """The records in journal.sqlite of a state folder; a full disk is met with the reserve."""

    apart: Text | None = None

    def __init__(self, home: Path, *, reading: bool = False) -> None:
        """Open the file; a missing folder (0700) and file (0600) are created. `reading`: open a copy in memory.

        Raises JournalError.
        """
        self._home = home
        path = home / FILE
        if reading:
            self._table = RecordTable(open_copy(path), path)
        else:
            private_folder(home)
            self._table = RecordTable(with_room(home, lambda: open_database(path)), path)
            set_aside(home)
        self._identity = None if reading else identity(path)

    def append(
        self, run: str, texts: Sequence[tuple[str, str, str]], holds: Callable[[Sequence[Row]], bool] | None = None
    ) -> int | None:
        """Append records to a run's chain: see `RecordStore`."""
        return with_room(self._home, lambda: self._table.append(run, texts, holds))

    def prune(
        self,
        heads: Mapping[str, tuple[int, str]],
        texts: Sequence[tuple[str, str, str]],
        is_held: Callable[[str], bool],
    ) -> None:
        """Remove the records of runs: see `RecordStore`."""
        with_room(self._home, lambda: self._table.prune(heads, texts, is_held))

    def restore(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> int:
        """Restore a run's whole chain: see `RecordStore`."""
        return with_room(self._home, lambda: self._table.restore(run, rows, kind_of))

    def add(self, run: str, rows: Sequence[Row], kinds: Sequence[str]) -> None:
        """Append rows that are linked already: see `RecordTable.add`."""
        with_room(self._home, lambda: self._table.add(run, rows, kinds))

    def replace(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> None:
        """Put the rows in the place of those of a run; no rows: forget the run."""
        with_room(self._home, lambda: self._table.replace(run, rows, kind_of))

    def head(self, run: str) -> tuple[int, str] | None:
        """Return number and hash of a run's last record; None for an unknown run."""
        return self._table.head(run)

    def chains(self) -> list[str]:
        """Return the names of all chains: runs, incidents, pruned runs."""
        return self._table.chains()

    def rows(self, run: str) -> list[Row]:
        """Return the rows of a run, in order."""
        return self._table.rows(run)

    def kept(self, run: str) -> Kept | None:
        """Return rows, head and misfiled rows of a run, as of one moment."""
        return self._table.kept(run)

    def after(self, run: str, seq: int) -> list[Row]:
        """Return the rows of a run with a higher number, in order."""
        return self._table.after(run, seq)

    def heads(self) -> dict[str, int]:
        """Return the number of the last record of every chain."""
        return self._table.heads()

    def heads_here(self) -> dict[str, int]:
        """Return the number of the last record of every chain: all of them are here."""
        return self._table.heads()

    def last_since(self, at: str) -> dict[str, int]:
        """Return the number of the last record of every chain with a record at or after a time."""
        return self._table.last_since(at)

    def of_run(self, run: str, *kinds: str) -> list[Row]:
        """Return the rows of the given kinds of one run, in order."""
        return self._table.of_run(run, *kinds)

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the given kinds of all runs, each with its run."""
        return self._table.of_kinds(*kinds)

    def latest_of_kinds(self, runs: Sequence[str], *kinds: str) -> dict[str, dict[str, Row]]:
        """Return the last row of each kind of each of the runs."""
        return self._table.latest_of_kinds(runs, *kinds)

    def ends(self) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last record of every chain that ends where its head says."""
        return self._table.ends()

    def edits(self) -> str:
        """Return a text that changes with every statement that edits or deletes records."""
        return self._table.edits()

    def digests(self, runs: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of all that is stored of each run."""
        return self._table.digests(runs)

    def runs(self) -> list[str]:
        """Return the ids of all runs, by the order of their beginning."""
        return self._table.runs()

    def runs_here(self) -> list[str]:
        """Return the ids of all runs: all of them were begun here."""
        return self.runs()

    def wait(self, seconds: float) -> bool:
        """Wait, and return True: SQLite tells of no news."""
        time.sleep(seconds)
        return True

    def merge_all(self) -> list[Merged]:
        """Return nothing: there is no other place."""
        return []

    def settle(self) -> bool:
        """Return False: there is nothing to wait for."""
        return False

    def displaced(self) -> bool:
        """Return True if the file was moved or deleted since the opening."""
        return self._identity is not None and identity(self._home / FILE) != self._identity

    def close(self) -> None:
        """Close the file."""
        self._table.close()
