"""`-v` and `--debug FILE`: where the records of the log go."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.cli.screen import shown
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.log import TOP
from stopgap.orchestrator.text import tr


class _Lines(logging.Formatter):
    """`TIME LEVEL HOST STEP NAME: MESSAGE`, one line a record, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, safe for a terminal."""
        host, step = getattr(record, "host", "") or "-", getattr(record, "step", "") or "-"
        when = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"
        name = record.name.removeprefix(f"{TOP}.").removeprefix("orchestrator.")
        return shown(f"{when} {record.levelname.lower():<7} {host} {step} {name}: {record.getMessage()}")


@contextmanager
def logging_to(verbose: int, debug: str | None) -> Iterator[None]:
    """Write the log while the block runs.

    `verbose`: to standard error; 1 what a run does, 2 each exchange too. `debug`: everything, paramiko's log too,
    appended to a file that only its owner can read. Raises UsageError for a file that cannot be written.
    """
    if not verbose and debug is None:
        yield
        return
    top = logging.getLogger(TOP)
    before = top.level
    with ExitStack() as ending:
        handlers: list[logging.Handler] = []
        if verbose:
            handlers.append(
                _handler(logging.StreamHandler(sys.stderr), logging.INFO if verbose == 1 else logging.DEBUG)
            )
        if debug is not None:
            stream = os.fdopen(_private(Path(debug)), "a", encoding="utf-8", errors="backslashreplace")
            ending.callback(stream.close)
            handlers.append(_handler(logging.StreamHandler(stream), logging.DEBUG))
        ending.callback(top.setLevel, before)
        for handler in handlers:
            top.addHandler(handler)
            ending.callback(top.removeHandler, handler)
        top.setLevel(min(handler.level for handler in handlers))
        yield


def _handler(handler: logging.Handler, level: int) -> logging.Handler:
    handler.setLevel(level)
    handler.setFormatter(_Lines())
    return handler


def _private(path: Path) -> int:
    """Open a file for appending, mode 0600; return the descriptor."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UsageError(tr("--debug {path}: no regular file", path=path))
        os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise UsageError(tr("--debug {path}: {strerror}", path=path, strerror=error.strerror)) from None
    return descriptor
