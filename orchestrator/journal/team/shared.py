"""A team's records: in the database, with a copy on this machine of every run that this machine works on.

Where the database is lost, records are written to the copy alone, behind the same last record, and are merged as soon
as the database is back: by the same process, the next command, or `stopgap journal import`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from stopgap.orchestrator.journal.chain import Row
from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError
from stopgap.orchestrator.journal.integrity import Kept
from stopgap.orchestrator.journal.local import LocalRecords
from stopgap.orchestrator.journal.merged import Merged
from stopgap.orchestrator.journal.table import PRUNED
from stopgap.orchestrator.journal.team.ahead import Ahead
from stopgap.orchestrator.journal.team.connection import Database, LostError
from stopgap.orchestrator.journal.team.merging import kind_of, merge
from stopgap.orchestrator.journal.team.news import News
from stopgap.orchestrator.journal.team.records import TeamTable
from stopgap.orchestrator.log import Log
from stopgap.orchestrator.text import Text, tr

T = TypeVar("T")
AGAIN = 2.0
"""Seconds between two attempts to reach a lost database."""
_LOOK = 0.2
"""Seconds between two looks at whether a lost database is back."""
_BEGINS = frozenset({"run-started", "incident-opened"})
_LOG = Log("stopgap.orchestrator.journal")


class TeamRecords:
    """The records of a team, as one machine has them: see `RecordStore`. Safe for many threads and processes."""

    def __init__(
        self,
        home: Path,
        table: TeamTable,
        *,
        news: Database,
        is_held_here: Callable[[str], bool],
        on_return: Callable[[], None] = lambda: None,
        controller: str = "",
        waits: Callable[[], bool] | None = None,
    ) -> None:
        """`is_held_here`: another process of this state folder is at work on a run, and merges the run itself.

        `news` is a connection to listen on.
        `on_return` is called when a lost database is back, before records are merged. `controller` names this machine
        in a merge. `waits`: see `open_journal`. Raises JournalError.
        """
        self.apart: Text | None = None
        """Why records are written to, or read from, this machine's copy alone; None: the database has all."""
        self._home = home
        self._table = table
        self._local = LocalRecords(home)
        self._ahead = Ahead(home)
        self._news = News(news)
        self._is_held_here = is_held_here
        self._on_return = on_return
        self._controller = controller
        self._waits = waits
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._returning: threading.Thread | None = None
        try:
            self._table.reach()
        except LostError as error:
            self.lost(error)
        else:
            if self._ahead.chains():
                self._caught_up(lambda: self.merge(skip=self._is_held_here))

    def lost(self, error: LostError) -> None:
        """Take note of a lost database: go on with this machine's copy, and look for the database meanwhile."""
        with self._lock:
            if self.apart is None:
                _LOG.warning("%s", error)
                self.apart = error.told
            if self._returning is None:
                self._returning = threading.Thread(target=self._look_for_it, name="journal", daemon=True)
                self._returning.start()

    def append(
        self, run: str, texts: Sequence[tuple[str, str, str]], holds: Callable[[Sequence[Row]], bool] | None = None
    ) -> int | None:
        """Append records to a run's chain; a lost database does not hold it up: see `RecordStore`."""
        with self._lock:
            if self.apart is None:
                try:
                    return self._append_shared(run, texts, holds)
                except LostError as error:
                    self.lost(error)
            if texts[0][0] not in _BEGINS and not self._local.rows(run):
                raise JournalError(
                    tr("{reason}; run {run} is not known on this machine", reason=self.apart or "", run=run)
                )
            with self._ahead.marked(run):
                return self._local.append(run, texts, holds)

    def _append_shared(
        self, run: str, texts: Sequence[tuple[str, str, str]], holds: Callable[[Sequence[Row]], bool] | None
    ) -> int | None:
        if run in self._ahead.chains():
            self.merge([run])
        head = self._local.head(run)
        rows = self._table.append_rows(run, texts, holds, head)
        if rows is None:
            return None
        self._copy(run, rows, [kind for kind, _, _ in texts])
        return rows[0].seq

    def _copy(self, run: str, rows: Sequence[Row], kinds: Sequence[str]) -> None:
        """Take new rows into this machine's copy, with those that others wrote before them.

        Another process of this state folder may do so at the same time: an error counts if the copy did not grow.
        """
        head = self._local.head(run)
        while head is None or head[0] < rows[-1].seq:
            try:
                if rows[0].seq == (head[0] + 1 if head else 0):
                    self._local.add(run, rows, kinds)
                else:
                    self._local.restore(run, self._table.rows(run), kind_of)
                return
            except DamagedRunError:
                before, head = head, self._local.head(run)
                if head == before:
                    raise

    def merge(
        self, chains: Sequence[str] | None = None, *, skip: Callable[[str], bool] = lambda _: False
    ) -> list[Merged]:
        """Bring what this machine wrote ahead into the database; return the chains that had something.

        `chains`: these alone. `skip` leaves out a run. Raises LostError, JournalError.
        """
        merged = []
        for chain in self._ahead.chains() if chains is None else chains:
            if not skip(chain):
                with self._ahead.taking_away(chain):
                    merged.append(merge(chain, self._local, self._table, self._home, self._controller))
        return [each for each in merged if each.records]

    def merge_all(self) -> list[Merged]:
        """Bring every run of this machine's copy into the database, such as those from before there was a team.

        Raises LostError, JournalError.
        """
        known = [chain for chain in self._local.chains() if chain != PRUNED]
        return self.merge(list(dict.fromkeys([*self._ahead.chains(), *known])), skip=self._is_held_here)

    def ahead(self) -> list[str]:
        """Return the chains of which this machine alone has the latest records."""
        return self._ahead.chains()

    def prune(
        self,
        heads: Mapping[str, tuple[int, str]],
        texts: Sequence[tuple[str, str, str]],
        is_held: Callable[[str], bool],
    ) -> None:
        """Remove the records of runs, from the database and from this machine's copy: see `RecordStore`."""
        with self._lock:
            if self.apart is not None:
                raise JournalError(tr("{reason}; nothing was removed", reason=self.apart))
            self._table.prune(heads, texts, is_held)
            for run in heads:
                self._local.replace(run, (), kind_of)

    def restore(self, run: str, rows: Sequence[Row], kind_of: Callable[[Row], str]) -> int:
        """Restore a run's whole chain: see `RecordStore`."""
        with self._lock:
            if self.apart is None:
                missing = self._table.restore(run, rows, kind_of)
                self._local.restore(run, rows, kind_of)
                return missing
            with self._ahead.marked(run):
                return self._local.restore(run, rows, kind_of)

    def rows(self, run: str) -> list[Row]:
        """Return the rows of a run, in order."""
        return self._read(lambda: self._table.rows(run), lambda: self._local.rows(run))

    def kept(self, run: str) -> Kept | None:
        """Return rows, head and misfiled rows of a run, as of one moment."""
        return self._read(lambda: self._table.kept(run), lambda: self._local.kept(run))

    def after(self, run: str, seq: int) -> list[Row]:
        """Return the rows of a run with a higher number, in order."""
        return self._read(lambda: self._table.after(run, seq), lambda: self._local.after(run, seq))

    def heads(self) -> dict[str, int]:
        """Return the number of the last record of every chain."""
        return self._read(self._table.heads, self._local.heads)

    def heads_here(self) -> dict[str, int]:
        """Return the number of the last record of every chain that this machine has a copy of.

        Of a run that another machine went on with, that is the last record that was written here.
        """
        return self._local.heads()

    def last_since(self, at: str) -> dict[str, int]:
        """Return the number of the last record of every chain with a record at or after a time."""
        return self._read(lambda: self._table.last_since(at), lambda: self._local.last_since(at))

    def of_run(self, run: str, *kinds: str) -> list[Row]:
        """Return the rows of the given kinds of one run, in order."""
        return self._read(lambda: self._table.of_run(run, *kinds), lambda: self._local.of_run(run, *kinds))

    def of_kinds(self, *kinds: str) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the given kinds of all runs, each with its run, in order of the append."""
        return iter(self._read(lambda: [*self._table.of_kinds(*kinds)], lambda: [*self._local.of_kinds(*kinds)]))

    def latest_of_kinds(self, runs: Sequence[str], *kinds: str) -> dict[str, dict[str, Row]]:
        """Return the last row of each kind of each of the runs."""
        return self._read(
            lambda: self._table.latest_of_kinds(runs, *kinds), lambda: self._local.latest_of_kinds(runs, *kinds)
        )

    def ends(self) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last record of every chain that ends where its head says."""
        return self._read(self._table.ends, self._local.ends)

    def edits(self) -> str:
        """Return a text that changes with every statement that edits or deletes records."""
        return self._read(self._table.edits, self._local.edits)

    def digests(self, runs: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of all that is stored of each run."""
        return self._read(lambda: self._table.digests(runs), lambda: self._local.digests(runs))

    def runs(self) -> list[str]:
        """Return the ids of all runs, by the order of their beginning."""
        return self._read(self._table.runs, self._local.runs)

    def runs_here(self) -> list[str]:
        """Return the ids of the runs that this machine has worked on."""
        return self._local.runs()

    def wait(self, seconds: float) -> bool:
        """Wait until anybody appends a record, at most so long; return True if there may be some (LISTEN)."""
        if self.apart is None:
            try:
                return self._news.wait(seconds)
            except LostError as error:
                self.lost(error)
        time.sleep(seconds)
        return True

    def settle(self) -> bool:
        """Wait for a lost database, where this process has to: see `RecordStore`."""
        if self._waits is None:
            return False
        while (reason := self.apart) is not None:
            if not self._waits():
                raise JournalError(tr("{reason}; nothing more was done", reason=reason))
            time.sleep(_LOOK)
        return True

    def displaced(self) -> bool:
        """Return True if the state folder was moved or deleted since the opening."""
        return self._local.displaced()

    def close(self) -> None:
        """Close the database and the copy."""
        self._stop.set()
        if self._returning:
            self._returning.join()
        self._news.close()
        self._table.close()
        self._local.close()

    def _read(self, shared: Callable[[], T], local: Callable[[], T]) -> T:
        if self.apart is None:
            try:
                return shared()
            except LostError as error:
                self.lost(error)
        return local()

    def _look_for_it(self) -> None:
        while not self._stop.wait(AGAIN):
            if self._caught_up(self._come_back):
                return

    def _come_back(self) -> None:
        self._table.reach()
        self._on_return()
        # Most of it without the lock: a run that goes on writes ahead meanwhile.
        self.merge(skip=self._is_held_here)
        with self._lock:
            self.merge(skip=self._is_held_here)
            self.apart, self._returning = None, None

    def _caught_up(self, act: Callable[[], object]) -> bool:
        """Return True if the act succeeded; a database that is lost is looked for later."""
        try:
            act()
        except LostError as error:
            self.lost(error)
            return False
        except JournalError as error:
            _LOG.warning("%s", error)
            return False
        return True
