"""Room on the journal's disk that nothing else takes, so that a run ends in order and an undo can be recorded.

Evidence, the only thing that a host can make as large as it likes, leaves `reserve_of` bytes free. Where something
else fills the disk, the journal gives back, part by part, a file that was set aside, and goes on in its place.
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
"""Bytes of that file; less on a disk of which this were more than the fifth part."""
_AT_ONCE = 2 << 20
"""Bytes of it that are given back at once: more than a run and its undo write, and not all that another may take."""
_LEAST, _MOST = 16 << 20, 1 << 30
"""Bytes that evidence leaves free on a small and on a large disk."""
_PART = 20
"""Of a disk between these, evidence leaves the twentieth part free."""
_TINY = 4
"""Of a disk that is smaller than that, the fourth part."""
_FULL = 1 << 20
"""Bytes below which a disk counts as full: SQLite writes some pages at once."""


def room(folder: Path) -> int:
    """Give how many bytes the disk of a folder still takes; 0 where nobody can say."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def reserve_of(folder: Path) -> int:
    """Give how many bytes evidence leaves free on the disk of a folder."""
    size = _size(folder)
    return min(max(size // _PART, _LEAST), _MOST, size // _TINY)


def set_aside(home: Path) -> None:
    """Take the room that a full disk is met from; where the disk has no room to spare, there is none."""
    wanted = min(_SET_ASIDE, _size(home) // 5)
    with suppress(OSError):
        descriptor = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < wanted and room(home) > 2 * wanted:
                os.posix_fallocate(descriptor, 0, wanted)
        finally:
            os.close(descriptor)


def give_back(home: Path) -> bool:
    """Free a part of what was set aside, where the disk is full; True where that gave some room."""
    if room(home) >= _FULL:
        return False
    try:
        there = (home / FILE).lstat().st_size
        os.truncate(home / FILE, max(0, there - _AT_ONCE))
    except OSError:
        return False
    return there > 0


def with_room(home: Path, act: Callable[[], T]) -> T:
    """Do something with the journal, and once more with what was set aside where the disk is full.

    Raises what `act` raises, JournalError for a disk that is full all the same.
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
