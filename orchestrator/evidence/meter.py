"""Limits on reading a collection, so no host controls the time and memory of the reading.

Readers report to the meter: bytes read, bytes unpacked, and text held in memory. The meter ends the reading, or
denies more memory. The meter also records skipped and damaged parts, so a count of the result is known to be
incomplete.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getsizeof

from stopgap.orchestrator.text import tr

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
    """The account of a reading; `check` is called while bytes are read, and may end the reading by an exception."""

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
        """Return the first parts skipped because of a limit."""
        return tuple(self._left_out)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Return the first parts unreadable because of damage."""
        return tuple(self._damaged)

    def part(self) -> Meter:
        """Return an account of its own for what is read once for several readings; `check` ends it too."""
        return Meter(self._check)

    def take(self, part: Meter) -> None:
        """Record what a part has left out, and what is damaged in it."""
        for what in part.left_out:
            self.leave_out(what)
        for what in part.damaged:
            self.damage(what)

    def read(self, count: int) -> None:
        """Count bytes read or decoded; raises any exception of `check`."""
        self._since += count
        if self._since >= _EVERY:
            self._since = 0
            self._check()

    def unpack(self, count: int, of: str) -> bool:
        """Count bytes unpacked from the file `of`; False above the limit on unpacked bytes."""
        self.read(count)
        self._unpacked -= count
        if self._unpacked < 0:
            self.leave_out(
                tr(
                    "{of}: compressed files come to more than {most_unpacked} bytes",
                    of=of,
                    most_unpacked=MOST_UNPACKED,
                )
            )
        return self._unpacked >= 0

    def hold(self, about: str, *texts: str) -> bool:
        """Count texts to hold in memory as another item; False without room."""
        self._room -= _BESIDES + sum(map(getsizeof, texts))
        if self._room < 0:
            self.leave_out(tr("more {about} than {most_held} MiB hold", about=about, most_held=MOST_HELD >> 20))
        return self._room >= 0

    def leave_out(self, what: str) -> None:
        """Record a skipped part."""
        if len(self._left_out) < _MOST_TOLD:
            self._left_out[what] = None

    def damage(self, what: str) -> None:
        """Record an unreadable part."""
        if len(self._damaged) < _MOST_TOLD:
            self._damaged[what] = None
