"""The locks of runs: a process that is at work on a run holds a lock in the run's folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from stopgap.orchestrator.journal.disk import disk_errors
from stopgap.orchestrator.journal.failure import RunHeldError
from stopgap.orchestrator.journal.lock import is_taken, take
from stopgap.orchestrator.text import tr


class RunLocks:
    """The locks held by this process, safe for many threads; `folder` gives a run's own folder."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}

    def take(self, run: str, folder: Path) -> bool:
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

    def descriptor(self, run: str) -> int:
        """Return the descriptor of a held lock."""
        return self._held[run]

    def is_mine(self, run: str) -> bool:
        """Return True if this process holds the lock."""
        with self._lock:
            return run in self._held

    def is_elsewhere(self, run: str) -> bool:
        """Return True if another process of this machine holds the lock."""
        return not self.is_mine(run) and is_taken(self._folder(run) / "lock")
