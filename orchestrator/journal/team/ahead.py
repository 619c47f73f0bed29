"""The mark of a chain whose latest records are on this machine alone, until they are in the team's database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stopgap.orchestrator.journal.disk import disk_errors
from stopgap.orchestrator.journal.home import private_folder, sync_folder

_FOLDER = "ahead"


class Ahead:
    """The marks of one state folder: an empty file for each chain."""

    def __init__(self, home: Path) -> None:
        self._folder = home / _FOLDER

    def chains(self) -> list[str]:
        """Return the marked chains; raises JournalError."""
        with disk_errors(self._folder):
            return sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []

    @contextmanager
    def marked(self, chain: str) -> Iterator[None]:
        """Mark a chain, durably; no other process takes the mark away during the block. Raises JournalError."""
        with self._held(chain):
            yield

    @contextmanager
    def taking_away(self, chain: str) -> Iterator[None]:
        """Take the mark away at the end of the block, unless the block raises. Raises JournalError."""
        with self._held(chain):
            yield
            with disk_errors(self._folder):
                (self._folder / chain).unlink(missing_ok=True)

    @contextmanager
    def _held(self, chain: str) -> Iterator[None]:
        path = private_folder(self._folder) / chain
        with disk_errors(path):
            while True:
                new = not path.exists()
                descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                    break
                os.close(descriptor)
            if new:
                sync_folder(self._folder)
        try:
            yield
        finally:
            os.close(descriptor)
