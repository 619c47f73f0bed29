"""A connection for a text protocol: one deadline for the whole exchange, and a cap on the received bytes."""

from __future__ import annotations

import io
import select
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Self, TypeVar

from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp

T = TypeVar("T")
_SILENCE = 30.0
"""Seconds until the kernel drops a peer without acknowledgements."""


class PeerError(OSError):
    """The peer was too slow or sent too much; the message tells the two apart."""


class Peer:
    """A connection used by smtplib and http.client as a socket, safe against a stalling peer.

    For a dripping or flooding peer, every call returns by the deadline or raises PeerError; a cancel of the deadline
    raises CancelledError soon. Not thread-safe.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline, most: int) -> None:
        """Wrap the socket; `most` caps the bytes received before `deadline`."""
        connection.setblocking(False)
        self._connection = connection
        self.begin(deadline, most)

    def begin(self, deadline: Deadline, most: int) -> None:
        """Begin another exchange on the same connection, with a new deadline and a new cap."""
        self._deadline = deadline
        self._most = most
        self._left = most

    def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Start TLS with a peer certificate valid for `name`. Raises ssl.SSLError, PeerError."""
        connection = context.wrap_socket(self._connection, server_hostname=name, do_handshake_on_connect=False)
        self._connection = connection
        self._until(connection.do_handshake, select.POLLIN)

    def has_ended(self) -> bool:
        """Return True if the peer has closed the connection, as far as is known here; what it sent is dropped."""
        try:
            return not self._connection.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True

    def certificate(self) -> bytes | None:
        """Return the certificate (DER) that the peer has shown; None without TLS."""
        connection = self._connection
        return connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None

    def sendall(self, data: Any) -> None:  # noqa: ANN401
        """Send all bytes, as socket.sendall."""
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self._until(partial(self._connection.send, rest), select.POLLOUT) :]

    def makefile(self, _mode: str = "rb", *_more: object) -> io.BufferedReader:
        """Return a reader of the received bytes; closing the reader leaves the connection open."""
        return io.BufferedReader(_Incoming(self))

    def read_into(self, buffer: Any) -> int:  # noqa: ANN401
        """Read some bytes into the buffer; return 0 at the end."""
        if not self._left:
            raise PeerError(tr("an answer of more than {most} KiB", most=self._most >> 10))
        part = memoryview(buffer).cast("B")[: self._left]
        count = self._until(lambda: self._connection.recv_into(part), select.POLLIN)
        self._left -= count
        return count

    def getsockname(self) -> Any:  # noqa: ANN401
        """Return the local address, as socket.getsockname."""
        return self._connection.getsockname()

    def close(self) -> None:
        """Close the connection, without waiting."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _until(self, act: Callable[[], T], event: int) -> T:
        """Retry until the operation needs no wait, or the deadline is past."""
        while True:
            try:
                pause = self._deadline.slice()
            except TimeoutError:
                raise PeerError(
                    tr("no whole answer within {seconds} s", seconds=f"{self._deadline.seconds:g}")
                ) from None
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
    """Connect to a server. Raises OSError (PeerError past the deadline), CancelledError."""
    try:
        connection = connect_tcp(host, port, deadline, _SILENCE)
    except TimeoutError:
        raise PeerError(tr("no connection within {seconds} s", seconds=f"{deadline.seconds:g}")) from None
    return Peer(connection, deadline, most)
