"""A capture in parts, cut between packets: when all parts are full, the oldest is overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stopgap.orchestrator.evidence.capture import CaptureParser

_LONGEST_HEAD = 64 << 10
"""Bytes of headers that begin each part; later ones stand in their own part alone."""


class Parts(Protocol):
    """Where the parts are kept, by number."""

    def data(self, index: int, chunk: bytes) -> None:
        """Take the next bytes of a part."""

    def restart(self, index: int) -> None:
        """Forget the bytes of a part."""


class Ring:
    """Cuts one capture into parts of some size and time. Each part is a capture of its own, with the headers."""

    def __init__(self, parts: Sequence[int], size: int, seconds: float | None, to: Parts) -> None:
        """Take the parts by number, with the bytes and, if bounded, the seconds of each."""
        self._parts, self._size, self._seconds, self._to = tuple(parts), size, seconds, to
        self._parser = CaptureParser()
        self._head = b""
        self._in_head = True
        self._now = 0
        self._filled = 0
        self._since: float | None = None
        self.used: set[int] = set()
        """Parts that have bytes."""

    def data(self, chunk: bytes) -> None:
        """Take the next bytes of the capture."""
        for raw, packet in self._parser.feed(chunk):
            if packet is None:
                if self._in_head and len(self._head) + len(raw) <= _LONGEST_HEAD:
                    self._head += raw
            else:
                self._in_head = False
                if self._is_full(len(raw), packet.time):
                    self._turn()
                if self._since is None:
                    self._since = packet.time
            self._write(raw)
        if self._parser.damage:
            self.end()

    def end(self) -> None:
        """Keep the bytes of a packet that did not arrive whole."""
        if rest := self._parser.take_rest():
            self._write(rest)

    def _is_full(self, more: int, time: float) -> bool:
        over = self._seconds is not None and self._since is not None and time - self._since > self._seconds
        return self._since is not None and (over or self._filled + more > self._size)

    def _turn(self) -> None:
        self._now = (self._now + 1) % len(self._parts)
        self._filled, self._since = 0, None
        if self._parts[self._now] in self.used:
            self._to.restart(self._parts[self._now])
        self._write(self._head)

    def _write(self, data: bytes) -> None:
        part = self._parts[self._now]
        self.used.add(part)
        self._filled += len(data)
        self._to.data(part, data)
