"""The seam of the journal: where records lie, and who is at work on a run.

SQLite in the state folder is the default (`orchestrator/journal/local.py`); a team has PostgreSQL
(`orchestrator/journal/team/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from stopgap.orchestrator.journal.chain import Row
from stopgap.orchestrator.journal.integrity import Kept
from stopgap.orchestrator.journal.merged import Merged
from stopgap.orchestrator.text import Text


class RecordStore(Protocol):
    """The chained records of all runs, safe for many threads and processes; every method raises JournalError."""

    @property
    def apart(self) -> Text | None:
        """Why the records of this machine alone are read and written; None: all records are at hand."""

    def append(
        self, run: str, texts: Sequence[tuple[str, str, str]], holds: Callable[[Sequence[Row]], bool] | None = None
    ) -> int | None:
        """Append records to a run's chain, each as kind, time and text; all or none, behind the last record.

        Return the number of the first. `holds` decides by the run's rows, with no append in between; None: nothing
        was appended. Raises
        DamagedRunError for a chain without a head.
        """

    def prune(
        self,
        heads: Mapping[str, tuple[int, str]],
        texts: Sequence[tuple[str, str, str]],
        is_held: Callable[[str], bool],
    ) -> None:
        """Remove the records of runs, and append texts to the chain of pruned runs: both, or nothing.

        `heads`: run → number and hash of the last record that the caller has judged.
        """

    def restore(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> int:
        """Restore a run's whole chain; return the number of rows that were missing.

        Raises DamagedRunError if the store has other rows of the run.
        """

    def rows(self, run: str) -> list[Row]:
        """Return the rows of a run, in order; empty for an unknown run."""

    def kept(self, run: str) -> Kept | None:
        """Return rows, head and misfiled rows of a run, as of one moment; None for an unknown run."""

    def after(self, run: str, seq: int) -> list[Row]:
        """Return the rows of a run with a higher number, in order."""

    def heads(self) -> dict[str, int]:
        """Return the number of the last record of every chain."""

    def heads_here(self) -> dict[str, int]:
        """Return the number of the last record of every chain as this machine has it: see `runs_here`."""

    def last_since(self, at: str) -> dict[str, int]:
        """Return the number of the last record of every chain with a record at or after a time."""

    def of_run(self, run: str, *kinds: str) -> list[Row]:
        """Return the rows of the given kinds of one run, in order."""

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the given kinds of all runs, each with its run, in order of the append."""

    def latest_of_kinds(self, runs: Sequence[str], *kinds: str) -> dict[str, dict[str, Row]]:
        """Return the last row of each kind of each of the runs."""

    def ends(self) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last record of every chain that ends where its head says."""

    def edits(self) -> str:
        """Return a text that changes with every statement that edits or deletes records.

        What is edited below the database, in its files, may leave the text as it was.
        """

    def digests(self, runs: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of all that is stored of each run: see `Kept.digest`."""

    def runs(self) -> list[str]:
        """Return the ids of all runs, by the order of their beginning."""

    def runs_here(self) -> list[str]:
        """Return the ids of the runs that this machine has worked on, whose folders should be here."""

    def wait(self, seconds: float) -> bool:
        """Wait for new records of anybody, at most so long; return True if there may be some."""

    def merge_all(self) -> list[Merged]:
        """Bring every chain of this machine into the team's database; return those that it lacked something of."""

    def settle(self) -> bool:
        """Wait for a lost database where this process has to, before an act; return True if this process has to.

        Raises JournalError where the wait was broken off.
        """

    def displaced(self) -> bool:
        """Return True if the store was moved or deleted since the opening: later records would be lost."""

    def close(self) -> None:
        """Close the store."""


class Locks(Protocol):
    """The locks of runs that this process holds, safe for many threads."""

    def take(self, run: str, folder: Path, *, over: bool = False) -> bool:
        """Take the lock of a run, whose own folder is `folder`; False if this process holds the lock.

        `over`: also from another machine of the team.

        Raises RunHeldError, JournalError.
        """

    def mark_begun(self, run: str) -> None:
        """Note in the run's folder that the journal has a record of the run, whose lock is held."""

    def release(self, run: str) -> None:
        """Release the lock of a run."""

    def release_all(self) -> None:
        """Release every lock."""

    def is_mine(self, run: str) -> bool:
        """Return True if this process holds the lock."""

    def is_elsewhere(self, run: str) -> bool:
        """Return True if another process holds the lock."""

    def elsewhere(self, runs: Iterable[str]) -> set[str]:
        """Return those of the runs whose lock another process holds."""

    def claim(self, name: str, *, over: bool = False) -> Text | None:
        """Claim a thing, such as a router, against other machines of a team; return the holder if one holds it.

        `over`: take it from any holder. The caller has a file lock against other processes of the state folder.
        """

    def disclaim(self, name: str) -> None:
        """Release a claim of this process."""

    def team(self, name: str) -> str:
        """Return what names the team whose database holds this process's claim; empty for a claim that no team holds.

        Whoever has such a claim of a host may replace a lock file of the team on the host: the writer is dead, or
        does nothing more.
        """

    def assure(self) -> bool:
        """Return True if every lock taken is still held; False where that cannot be asked.

        Raises RunHeldError where another process has taken one over: no further act is allowed.
        """
