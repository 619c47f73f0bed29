"""Counts what is read of a collection while it is read, so that no host sets the time and the memory that this takes.

A reader reports to its meter: bytes as they are read, bytes as they are unpacked, text that is held until the end.
The meter ends the reading, or says that no more may be held; and it keeps what was left out, and what was damaged,
so that whoever counts what was read knows that the count is not whole.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getsizeof

MOST_UNPACKED = 2 << 30
"""Bytes that compressed files of a collection may come to, all together, in one reading."""
MOST_HELD = 192 << 20
"""Bytes of memory for what a reader has to hold until it has read everything."""
_MOST_TOLD = 8
"""Reasons of each kind that are kept."""
_BESIDES = 200
"""Bytes that a text takes besides itself where it is a key: its place in a table, and what it stands for."""
_EVERY = 64 << 10
"""Bytes read between two looks at whether the reading may go on."""


def _go_on() -> None:
    """Let every reading go on."""


class Meter:
    """The account of one reading; `check` is called as bytes are read, and ends it by whatever it raises."""

    def __init__(self, check: Callable[[], None] = _go_on) -> None:
        """Begin with nothing read."""
        self._check = check
        self._since = 0
        self._unpacked = MOST_UNPACKED
        self._room = MOST_HELD
        self._left_out: dict[str, None] = {}
        self._damaged: dict[str, None] = {}

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was not read, being beyond a bound; the first of it."""
        return tuple(self._left_out)

    @property
    def damaged(self) -> tuple[str, ...]:
        """What could not be read, being damaged; the first of it."""
        return tuple(self._damaged)

    def read(self, count: int) -> None:
        """Count bytes that were read, or made of what was read; raises what `check` raises."""
        self._since += count
        if self._since >= _EVERY:
            self._since = 0
            self._check()

    def unpack(self, count: int, of: str) -> bool:
        """Count bytes that were unpacked `of` a file; False once all together are too many."""
        self.read(count)
        self._unpacked -= count
        if self._unpacked < 0:
            self.leave_out(f"{of}: compressed files come to more than {MOST_UNPACKED} bytes")
        return self._unpacked >= 0

    def hold(self, about: str, *texts: str) -> bool:
        """Count texts that are to be held as one more thing; False where there is no room for it."""
        self._room -= _BESIDES + sum(map(getsizeof, texts))
        if self._room < 0:
            self.leave_out(f"more {about} than {MOST_HELD >> 20} MiB hold")
        return self._room >= 0

    def leave_out(self, what: str) -> None:
        """Keep that something is not read."""
        if len(self._left_out) < _MOST_TOLD:
            self._left_out[what] = None

    def damage(self, what: str) -> None:
        """Keep that something cannot be read."""
        if len(self._damaged) < _MOST_TOLD:
            self._damaged[what] = None
