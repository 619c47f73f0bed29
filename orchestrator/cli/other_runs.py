"""Changes in force by other runs on the targets of a watched run."""

from __future__ import annotations

import time

from stopgap.orchestrator.journal import History, Journal, JournalError

EVERY = 10.0
"""Seconds between two looks: every run of these targets has to be read."""


class Elsewhere:
    """Reads the journal now and then."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._found: tuple[History, ...] = ()
        self._next = 0.0

    def of(self, history: History) -> tuple[History, ...]:
        """Return the other runs with changes in force, latest first; unreadable runs are omitted."""
        if time.monotonic() >= self._next:
            self._found = tuple(self._look(history))
            self._next = time.monotonic() + EVERY
        return self._found

    def _look(self, history: History) -> list[History]:
        found = []
        for run in self._journal.runs():
            if run.id == history.run or not set(run.targets) & set(history.started.targets):
                continue
            try:
                other = self._journal.history(run.id)
            except JournalError:
                continue
            if other.in_force():
                found.append(other)
        return found
