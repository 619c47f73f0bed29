"""The locks of runs: a process that is at work on a run holds a lock in the run's folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from stopgap.orchestrator.journal.disk import disk_errors
from stopgap.orchestrator.journal.failure import RunHeldError
from stopgap.orchestrator.journal.lock import is_taken, take
from stopgap.orchestrator.journal.strays import mark_begun
from stopgap.orchestrator.text import Text, tr


class RunLocks:
    """The locks held by this process, safe for many threads; `runs` is the folder of the runs' own folders."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}

    def take(self, run: str, folder: Path, *, over: bool = False) -> bool:
        """Take the lock of a run in the run's `folder`; False if this process holds the lock. Raises RunHeldError."""
        path = folder / "lock"
        with self._lock:
            if run in self._held:
                return False
            with disk_errors(path):
                descriptor = take(path)
            if descriptor is None:
                raise RunHeldError(tr("another process is at work on run {run}", run=run))
            self._held[run] = descriptor
        return True

    def release(self, run: str) -> None:
        """Release the lock of a run."""
        with self._lock:
            os.close(self._held.pop(run))

    def release_all(self) -> None:
        """Release every lock."""
        with self._lock:
            for descriptor in self._held.values():
                os.close(descriptor)
            self._held.clear()

    def mark_begun(self, run: str) -> None:
        """Note in the lock's file that the journal has a record of the run."""
        mark_begun(self._held[run])

    def is_mine(self, run: str) -> bool:
        """Return True if this process holds the lock."""
        with self._lock:
            return run in self._held

    def is_elsewhere(self, run: str) -> bool:
        """Return True if another process of this machine holds the lock."""
        return not self.is_mine(run) and is_taken(self._runs / run / "lock")

    def elsewhere(self, runs: Iterable[str]) -> set[str]:
        """Return those of the runs whose lock another process of this machine holds."""
        return {run for run in runs if self.is_elsewhere(run)}

    def claim(self, name: str, *, over: bool = False) -> Text | None:
        """Return None: without a team the file locks of the state folder are all there is."""
        return None

    def disclaim(self, name: str) -> None:
        """Do nothing: see `claim`."""

    def team(self, name: str) -> str:
        """Return nothing: there is no team."""
        return ""

    def assure(self) -> bool:
        """Return True: the kernel gives a file lock to nobody else while this process lives."""
        return True
