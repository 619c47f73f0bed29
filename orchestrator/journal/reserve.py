"""Reserved space on the journal's disk, so that a run ends in order and an undo can be recorded.

Evidence, the only data with a size chosen by a host, leaves `reserve_of` bytes free. If other data fills the disk,
the journal frees a reserved file part by part, and uses the freed space.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stopgap.orchestrator.journal.failure import JournalError

T = TypeVar("T")
FILE = ".set-aside"
"""Below the home."""
_SET_ASIDE = 8 << 20
"""Bytes of the reserved file; less on a disk smaller than five times the size."""
_AT_ONCE = 2 << 20
"""Bytes freed at once: enough for the records of a run and an undo, with a part kept for other writers."""
_LEAST, _MOST = 16 << 20, 1 << 30
"""Bytes left free by evidence on a small and on a large disk."""
_PART = 20
"""On a disk between the limits, evidence leaves the twentieth part free."""
_TINY = 4
"""On a smaller disk, the fourth part."""
_FULL = 1 << 20
"""Bytes of free space, below the limit a disk counts as full: SQLite writes several pages at once."""


def room(folder: Path) -> int:
    """Return the free bytes on the disk of a folder; 0 if unknown."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def reserve_of(folder: Path) -> int:
    """Return the bytes left free by evidence on the disk of a folder."""
    size = _size(folder)
    return min(max(size // _PART, _LEAST), _MOST, size // _TINY)


def set_aside(home: Path) -> None:
    """Create the reserved file for a full disk; a disk without spare space gets no file."""
    wanted = min(_SET_ASIDE, _size(home) // 5)
    with suppress(OSError):
        descriptor = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < wanted and room(home) > 2 * wanted:
                os.posix_fallocate(descriptor, 0, wanted)
        finally:
            os.close(descriptor)


def give_back(home: Path) -> bool:
    """Free a part of the reserved file on a full disk; return True if space was freed."""
    if room(home) >= _FULL:
        return False
    try:
        there = (home / FILE).lstat().st_size
        os.truncate(home / FILE, max(0, there - _AT_ONCE))
    except OSError:
        return False
    return there > 0


def with_room(home: Path, act: Callable[[], T]) -> T:
    """Run a journal operation, with a retry on reserved space after a full disk.

    Raises the exceptions of `act`, and JournalError for a disk still full.
    """
    try:
        return act()
    except JournalError:
        if not give_back(home):
            raise
        return act()


def _size(folder: Path) -> int:
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_blocks * found.f_frsize
