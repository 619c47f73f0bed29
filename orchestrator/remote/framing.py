"""Parser for one stream of an exchange: bytes in chunks of any size in, events of the items out.

The parser raises no exception for any bytes, and buffers no more than the length of a frame.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from stopgap.orchestrator.text import tr

_LONGEST_FRAME = 128
_FRAME = re.compile(rb" (?:(B) (\d{1,6}) (\d{1,10} \d{1,20}| )|(E) (\d{1,6}) (\d{1,3})|(N) (\d{1,6}))")
_WORDS_KEPT = 4096


def draw_nonce() -> str:
    """Return a nonce of 128 random bits for one exchange.

    The first letter occurs once in the nonce, so that two occurrences cannot overlap.
    """
    return "g" + secrets.token_hex(16)


@dataclass(frozen=True)
class Begun:
    """The start of an item."""

    index: int
    process: str
    """`pid ticks`; empty if unknown to the host."""


@dataclass(frozen=True)
class Data:
    """The next bytes of the current item."""

    chunk: bytes


@dataclass(frozen=True)
class Ended:
    """The end of an item, with its status."""

    index: int
    status: int


@dataclass(frozen=True)
class NotRun:
    """An item not begun."""

    index: int


@dataclass(frozen=True)
class Broken:
    """The stream violates the framing. Later bytes are ignored."""

    reason: str


Event: TypeAlias = Begun | Data | Ended | NotRun | Broken


@dataclass
class Frames:
    """The parser of one stream with `count` items."""

    nonce: bytes
    count: int
    noise_limit: int
    words: bytearray = field(default_factory=bytearray)
    """The first bytes outside any item: output of a login script, of sudo, or of a program in place of a shell."""
    begun: bool = False
    """A frame came."""
    _next: int = 0
    _inside: bool = False
    _noise: int = 0
    _broken: bool = False
    _pending: bytes = b""

    @property
    def finished(self) -> bool:
        """True once every item is accounted for."""
        return self._next == self.count and not self._inside

    def feed(self, data: bytes) -> Iterator[Event]:
        """Parse the next bytes and yield events; consume the iterator fully before the next call."""
        self._pending += data
        while not self._broken and not self.finished:
            at = self._pending.find(self.nonce)
            if at < 0:
                yield from self._content(self._certain())
                return
            yield from self._content(at)
            if self._broken:
                return
            end = self._pending.find(b"\n", 0, _LONGEST_FRAME)
            if end < 0:
                if len(self._pending) >= _LONGEST_FRAME:
                    yield self._break(tr("a frame without an end"))
                return
            frame = self._pending[len(self.nonce) : end]
            self._pending = self._pending[end + 1 :]
            yield self._frame(frame)
        self._pending = b""

    def _certain(self) -> int:
        """Return the length of the pending bytes free of a nonce's beginning."""
        start = self._pending.rfind(self.nonce[:1], max(0, len(self._pending) - len(self.nonce)))
        return start if start >= 0 and self.nonce.startswith(self._pending[start:]) else len(self._pending)

    def _content(self, length: int) -> Iterator[Event]:
        chunk, self._pending = self._pending[:length], self._pending[length:]
        if not chunk:
            return
        if self._inside:
            yield Data(chunk)
            return
        self.words += chunk[: _WORDS_KEPT - len(self.words)]
        self._noise += len(chunk)
        if self._noise > self.noise_limit:
            yield self._break(tr("too much text outside the items"))

    def _frame(self, frame: bytes) -> Event:
        found = _FRAME.fullmatch(frame)
        if found is None:
            return self._break(tr("a malformed frame"))
        kind = found[1] or found[4] or found[7]
        index = int(found[2] or found[5] or found[8])
        if index != self._next or self._inside != (kind == b"E"):
            return self._break(tr("a frame out of order"))
        self.begun = True
        if kind == b"B":
            self._inside = True
            return Begun(index, found[3].decode().strip())
        self._inside = False
        self._next += 1
        if kind == b"N":
            return NotRun(index)
        status = int(found[6])
        return Ended(index, status) if status <= 255 else self._break(tr("an impossible exit status"))

    def _break(self, reason: str) -> Broken:
        self._broken = True
        self._pending = b""
        return Broken(reason)
