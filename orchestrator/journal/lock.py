"""The lock of a run: a file lock, released by the kernel at the end of the process (flock(2))."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.text import tr

NO_LOCKS = tr("its file system has no working locks; set STOPGAP_HOME to a folder on a local disk")
_PATIENCE = 0.3
"""Seconds; a mere test (`is_taken`) holds the lock for a moment."""


def take(path: Path) -> int | None:
    """Take the lock; return the descriptor to close for a release, or `None` if another process holds the lock."""
    descriptor = _open(path)
    try:
        if not _take(descriptor, path):
            os.close(descriptor)
            return None
        _see_that_it_holds(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _take(descriptor: int, path: Path) -> bool:
    give_up = time.monotonic() + _PATIENCE
    while not _locked(descriptor, path):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def _locked(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EINTR}:
            return False
        raise JournalError(
            tr("{path}: {no_locks} ({strerror})", path=path, no_locks=NO_LOCKS, strerror=error.strerror)
        ) from None
    return True


def _see_that_it_holds(path: Path) -> None:
    """Raise JournalError if a second descriptor gets the lock too, as on `nolock` mounts."""
    second = _open(path)
    try:
        if _locked(second, path):
            raise JournalError(tr("{path}: {no_locks}", path=path, no_locks=NO_LOCKS))
    finally:
        os.close(second)


def see_that_records_can_be_locked(folder: Path) -> None:
    """Raise JournalError if the folder's file system refuses SQLite's locks (fcntl(2), F_SETLK)."""
    import tempfile  # noqa: PLC0415 - of a file system that fails

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}:
            raise JournalError(
                tr("{folder}: {no_locks} ({strerror})", folder=folder, no_locks=NO_LOCKS, strerror=error.strerror)
            ) from None


def is_taken(path: Path) -> bool:
    """Return True if a process of this machine holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EINTR}
    finally:
        os.close(descriptor)
    return False
