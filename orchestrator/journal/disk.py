"""Atomic writes of files in the state folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.home import sync_folder
from stopgap.orchestrator.text import tr


def write_at_once(target: Path, content: bytes, *, temporary: Path | None = None) -> None:
    """Write a file of mode 0600 atomically and durably: the old content or the new content, never a mix.

    `temporary` names the temporary file, left by a crash and replaced by the next attempt; the default lies beside
    the target. Raises JournalError.
    """
    import secrets  # noqa: PLC0415 - what reads writes no file

    temporary = temporary or target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with disk_errors(target):
        try:
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
            sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Convert OSError into JournalError, for the length of the block."""
    try:
        yield
    except OSError as error:
        raise JournalError(tr("{path}: {strerror}", path=path, strerror=error.strerror)) from None
