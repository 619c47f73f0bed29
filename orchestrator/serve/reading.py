"""What the pages read: the journal, opened for each answer; what is in force, shared for a moment by all who look."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from stopgap.orchestrator.journal import DamagedRunError, History, Journal, JournalError, open_journal_to_read
from stopgap.orchestrator.journal.incidents import Incident, incidents
from stopgap.orchestrator.journal.records import RunStarted
from stopgap.orchestrator.run.status import Status
from stopgap.orchestrator.text import tr
from stopgap.reading import status as read_status

FRESH = 1.0
"""Seconds for which those who look at the same time share one reading."""
DAMAGE = 20.0
"""Seconds for which the head of a page repeats what a reading told of damage."""


class Reading:
    """Reads the journal that the environment names, for many people at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._read = 0.0

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal for reading; raises JournalError."""
        with open_journal_to_read() as journal:
            yield journal

    def status(self, at_most: float = FRESH) -> Status:
        """Return what is in force by the journal alone, at most so many seconds old; raises JournalError."""
        with self._lock:
            if self._status is None or time.monotonic() - self._read > at_most:
                self._status = read_status(offline=True)
                self._read = time.monotonic()
            return self._status

    def forget(self) -> None:
        """Have the next look read what is in force anew, as after an answer."""
        with self._lock:
            self._status = None

    def started(self, run: str) -> RunStarted | None:
        """Return the first record of a run; None for an unreadable record."""
        with suppress(JournalError), self.journal() as journal:
            for entry in journal.of_run(run, "run-started"):
                if isinstance(entry.record, RunStarted):
                    return entry.record
        return None

    def damage(self) -> list[str]:
        """Return what shows that the journal is damaged, one line a run; raises JournalError."""
        found = self.status(DAMAGE)
        lines = [tr("run {run}: {problem}", run=run.run, problem=run.damage[0]) for run in found.runs if run.damage]
        return [*lines, *map(str, found.strays)]


def known_incidents(journal: Journal) -> tuple[list[Incident], str]:
    """Return the incidents in order of their opening, and why there may be more: a record that cannot be read."""
    try:
        return list(incidents(journal)), ""
    except JournalError as error:
        return [], str(error)


def histories(journal: Journal, runs: Sequence[str]) -> tuple[list[History], dict[str, tuple[str, ...]]]:
    """Return the histories of runs, and the damage of those whose records cannot be read, or are not as written."""
    found: list[History] = []
    damage: dict[str, tuple[str, ...]] = {}
    for run in runs:
        try:
            history = journal.history(run)
        except DamagedRunError as error:
            damage[run] = tuple(error.problems)
            continue
        found.append(history)
        if history.damage:
            damage[run] = history.damage
    return found, damage
