"""Which events a sink has taken: a small file for each sink and run, below `sinks/` of the state folder.

The journal has the events; the file has the place up to which they were delivered, and goes once all were. So what
waits outlives the process, whatever ends it. An event that was under way then is delivered twice, with the same id.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from stopgap.orchestrator.documents.envelope import rfc3339
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.text import Text, tr

FOLDER = "sinks"
_SIZE = 1024
"""Bytes of a file: one write(2) replaces the whole."""


@dataclass(frozen=True)
class Undelivered:
    """The events of a run that a sink has not taken."""

    sink: str
    run: str
    reason: str
    """Why, as of the last attempt; empty before the first."""
    since: datetime | None
    """The first attempt that failed since one succeeded."""
    refused: int
    """Events that the sink will never take; they are not tried again."""
    waits: bool
    """More is to be delivered."""

    def __str__(self) -> str:
        return self.text()

    def text(self) -> Text:
        """Return one line of words."""
        about = tr("sink {sink}: {refused} events were refused", sink=self.sink, refused=self.refused)
        waits = tr("sink {sink}: events wait to be delivered", sink=self.sink)
        both = tr("{waits}; {refused} were refused", waits=waits, refused=self.refused)
        words = (both if self.refused else waits) if self.waits else about
        return tr("{words}: {reason}", words=words, reason=self.reason) if self.reason else words


class Place:
    """The open file of one sink and run, locked against every other process."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path
        self.next, self.done, self.refused, self.reason, self.since = _read(descriptor)

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Open and lock the file of a place; None for a missing file, and for a file locked by another process."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino != path.stat().st_ino:
                raise FileNotFoundError(path)
        except OSError:
            os.close(descriptor)
            return None
        return cls(descriptor, path)

    def advance(self, next_: int, done: int, *, refused: str = "") -> None:
        """Note that events were taken: all before entry `next_`, and `done` of that entry; or one was refused."""
        self.next, self.done = next_, done
        if refused:
            self.refused += 1
            self.reason = refused
        elif not self.refused:
            self.reason = ""
        self.since = None
        self._write()

    def fail(self, reason: str) -> None:
        """Note that an event was not taken, and is to be tried again."""
        self.reason, self.since = reason, self.since or datetime.now(UTC)
        self._write()

    def close(self, *, complete: bool) -> None:
        """Close the file; a complete one goes, unless something was refused."""
        if complete and not self.refused:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)

    def _write(self) -> None:
        with suppress(OSError):
            os.pwrite(self._descriptor, _line(self.next, self.done, self.refused, self.reason, self.since), 0)


def begin(home: Path, sink: str, run: str, first: int) -> None:
    """Let a sink have the events of a run from entry `first` on; a file that is there stays. Raises OSError."""
    try:
        folder = private_folder(home / FOLDER / sink)
    except JournalError as error:
        raise OSError(str(error)) from None
    if (folder / run).exists():
        return
    import secrets  # noqa: PLC0415 - what reads writes no file

    # Under its name only when it is whole: a file without its line would stand for the run from its beginning.
    temporary = folder / f".{run}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, _line(first, 0, 0, "", None))
        with suppress(FileExistsError):
            os.link(temporary, folder / run)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def places(home: Path, sink: str) -> list[Path]:
    """Return the files of a sink, the earliest run first."""
    with suppress(OSError):
        return sorted(path for path in (home / FOLDER / sink).iterdir() if not path.name.startswith("."))
    return []


def undelivered(home: Path, heads: dict[str, int], run: str | None = None) -> list[Undelivered]:
    """Return what sinks did not take. `heads`: run → number of the last entry; `run`: only of this one."""
    return [each for each in _undelivered(home, heads) if run is None or each.run == run]


def _undelivered(home: Path, heads: dict[str, int]) -> Iterator[Undelivered]:
    with suppress(OSError):
        for folder in sorted((home / FOLDER).iterdir()):
            for path in places(home, folder.name) if folder.is_dir() else ():
                with suppress(OSError):
                    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                    try:
                        after, _, refused, reason, since = _read(descriptor)
                    finally:
                        os.close(descriptor)
                    waits = heads.get(path.name, -1) >= after
                    if waits or refused:
                        yield Undelivered(folder.name, path.name, reason, since, refused, waits)


def undelivered_object(each: Undelivered) -> dict[str, Any]:
    """Return what a sink did not take, for `--json`."""
    return {
        "sink": each.sink,
        "run": each.run,
        "waits": each.waits,
        "refused": each.refused,
        "since": rfc3339(each.since),
        "reason": each.reason,
    }


def _line(next_: int, done: int, refused: int, reason: str, since: datetime | None) -> bytes:
    fields = {"next": next_, "done": done, "refused": refused, "reason": reason[:120]}
    made = json.dumps({**fields, "since": since.isoformat() if since else None}).encode("ascii")
    return made[: _SIZE - 1].ljust(_SIZE - 1) + b"\n"


def _read(descriptor: int) -> tuple[int, int, int, str, datetime | None]:
    """Read a file; one that was cut off tells everything anew."""
    try:
        read = json.loads(os.pread(descriptor, _SIZE, 0))
        since = datetime.fromisoformat(read["since"]) if read["since"] else None
        return int(read["next"]), int(read["done"]), int(read["refused"]), str(read["reason"]), since
    except (ValueError, KeyError, TypeError):
        return 0, 0, 0, "", None
