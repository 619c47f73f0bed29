"""A connection for an exchange of text: one deadline from its first byte to its last, and a cap on what comes."""

from __future__ import annotations

import io
import select
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Self, TypeVar

from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp

T = TypeVar("T")
_SILENCE = 30.0
"""Seconds after which the kernel gives up a peer that acknowledges nothing."""


class PeerError(OSError):
    """The peer took too long or said too much; the message says which."""


class Peer:
    """A connection that smtplib and http.client take for a socket, and whose peer cannot hold them.

    However the peer drips or floods, every call returns by the deadline, or raises PeerError; it raises
    CancelledError soon after the deadline's cancel. Not for several threads at once.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline, most: int) -> None:
        """`most`: bytes that the peer may send before `deadline`."""
        connection.setblocking(False)
        self._connection = connection
        self.begin(deadline, most)

    def begin(self, deadline: Deadline, most: int) -> None:
        """Begin another exchange on the same connection, with a deadline and a cap of its own."""
        self._deadline = deadline
        self._most = most
        self._left = most

    def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Go on over TLS, with a peer that has a certificate for `name`. Raises ssl.SSLError, PeerError."""
        connection = context.wrap_socket(self._connection, server_hostname=name, do_handshake_on_connect=False)
        self._connection = connection
        self._until(connection.do_handshake, select.POLLIN)

    def sendall(self, data: Any) -> None:  # noqa: ANN401
        """Send all of the bytes, as socket.sendall."""
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self._until(partial(self._connection.send, rest), select.POLLOUT) :]

    def makefile(self, _mode: str = "rb", *_more: object) -> io.BufferedReader:
        """Give a reader of what comes; closing it leaves the connection open."""
        return io.BufferedReader(_Incoming(self))

    def read_into(self, buffer: Any) -> int:  # noqa: ANN401
        """Read some bytes, 0 at the end."""
        if not self._left:
            raise PeerError(f"an answer of more than {self._most >> 10} KiB")
        part = memoryview(buffer).cast("B")[: self._left]
        count = self._until(lambda: self._connection.recv_into(part), select.POLLIN)
        self._left -= count
        return count

    def getsockname(self) -> Any:  # noqa: ANN401
        """Give the own address, as socket.getsockname."""
        return self._connection.getsockname()

    def close(self) -> None:
        """Close it; nothing is waited for."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _until(self, act: Callable[[], T], event: int) -> T:
        """Try until it neither has to wait for the network nor is late."""
        while True:
            try:
                pause = self._deadline.slice()
            except TimeoutError:
                raise PeerError(f"no whole answer within {self._deadline.seconds:g} s") from None
            try:
                return act()
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            except BlockingIOError:
                pass
            poll = select.poll()
            poll.register(self._connection, event)
            poll.poll(pause * 1000)


class _Incoming(io.RawIOBase):
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        return self._peer.read_into(buffer)


def connect_peer(host: str, port: int, deadline: Deadline, most: int) -> Peer:
    """Connect to a server. Raises OSError (PeerError where the time is over), CancelledError."""
    try:
        connection = connect_tcp(host, port, deadline, _SILENCE)
    except TimeoutError:
        raise PeerError(f"no connection within {deadline.seconds:g} s") from None
    return Peer(connection, deadline, most)
