"""A socket that is read a few packets ahead."""

from __future__ import annotations

import socket

_PORTION = 1 << 10
"""Bytes read at once where fewer are asked for; more are read straight from the socket."""


class ReadAhead:
    """A socket whose bytes are taken as they come, and given out as they are asked for: by one thread.

    paramiko asks for the length of each packet and then for the rest, each time with a wait of its own.
    """

    __slots__ = ("_at", "_held", "_tcp", "close", "send")

    def __init__(self, tcp: socket.socket) -> None:
        """Read from the socket `tcp`; `close` closes that socket."""
        self._tcp = tcp
        self._held = b""
        self._at = 0
        self.send = tcp.send
        self.close = tcp.close

    def recv(self, count: int) -> bytes:
        """Return at most as many bytes, at least one before the end. Raises OSError, TimeoutError."""
        left = len(self._held) - self._at
        if not left:
            if count >= _PORTION:
                return self._tcp.recv(count)
            self._held, self._at = self._tcp.recv(_PORTION), 0
            left = len(self._held)
        if count >= left:
            given = self._held[self._at :] if self._at else self._held
            self._held, self._at = b"", 0
        else:
            given = self._held[self._at : self._at + count]
            self._at += count
        return given
