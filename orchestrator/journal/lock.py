"""Who is at work on a run: a file lock that the kernel lets go of when its process dies (flock(2))."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_PATIENCE = 0.3
"""Seconds; somebody who only looks (`is_taken`) holds the lock for a moment."""


def take(path: Path) -> int | None:
    """Take the lock; give the descriptor whose closing lets go of it, or None where another has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > give_up:
                os.close(descriptor)
                return None
            time.sleep(0.02)
        else:
            return descriptor


def is_taken(path: Path) -> bool:
    """Tell whether a process of this machine has the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
