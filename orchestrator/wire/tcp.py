"""A TCP connection, made within a deadline and tuned for short exchanges."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, TypeAlias

from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline

ATTEMPT_DELAY = 0.25
"""Seconds of advantage for an endpoint before the next endpoint is tried in parallel (RFC 8305, section 5)."""

_Endpoint: TypeAlias = tuple[socket.AddressFamily, Any]


def connect_tcp(address: str, port: int, deadline: Deadline, silence: float) -> socket.socket:
    """Connect to the first answering endpoint of the address.

    The endpoints of a name are tried in the resolver's order, IPv6 and IPv4 in turn, each ATTEMPT_DELAY seconds after
    the previous attempt, or at once after a failure; earlier attempts continue (RFC 8305). The connection runs
    without Nagle's algorithm, and the kernel drops the connection after `silence` seconds without an acknowledgement.
    Raises OSError (gaierror for an unresolved name), TimeoutError, CancelledError.
    """
    with _Attempts(deque(_alternating(_resolve(address, port, deadline))), silence) as attempts:
        while True:
            connection = attempts.wait(deadline)
            if connection is not None:
                return connection


@dataclass
class _Attempts:
    """Endpoints under trial, and endpoints in the queue."""

    waiting: deque[_Endpoint]
    silence: float
    under_way: dict[int, socket.socket] = field(default_factory=dict)
    """By file descriptor."""
    failures: list[OSError] = field(default_factory=list)
    next_turn: float = 0.0

    def __enter__(self) -> _Attempts:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self.under_way.values():
            connection.close()

    def wait(self, deadline: Deadline) -> socket.socket | None:
        """Start the next endpoint in its turn, and wait a moment for an answer."""
        if self.waiting and (not self.under_way or time.monotonic() >= self.next_turn):
            self._begin(*self.waiting.popleft())
        if not self.under_way and not self.waiting:
            raise _worst(self.failures)
        pause = deadline.slice()
        if self.waiting:
            pause = min(pause, max(0.0, self.next_turn - time.monotonic()))
        return self._answered(pause)

    def _begin(self, family: socket.AddressFamily, endpoint: Any) -> None:  # noqa: ANN401
        self.next_turn = time.monotonic() + ATTEMPT_DELAY
        try:
            connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # a kernel without IPv6
            self._failed(error.errno or errno.EAFNOSUPPORT)
            return
        self.under_way[connection.fileno()] = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.silence * 1000))
        connection.setblocking(False)
        status = connection.connect_ex(endpoint)
        if status not in {0, errno.EINPROGRESS}:
            self._give_up(connection, status)

    def _answered(self, pause: float) -> socket.socket | None:
        poll = select.poll()
        for descriptor in self.under_way:
            poll.register(descriptor, select.POLLOUT)
        for descriptor, _ in poll.poll(pause * 1000):
            connection = self.under_way[descriptor]
            status = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not status:
                return self.under_way.pop(descriptor)
            self._give_up(connection, status)
        return None

    def _give_up(self, connection: socket.socket, status: int) -> None:
        del self.under_way[connection.fileno()]
        connection.close()
        self._failed(status)

    def _failed(self, status: int) -> None:
        self.failures.append(OSError(status, os.strerror(status)))
        self.next_turn = 0.0


def _worst(failures: list[OSError]) -> OSError:
    """Return the most telling failure: a refusal comes from the host itself."""
    refusals = [failure for failure in failures if isinstance(failure, ConnectionRefusedError)]
    return (refusals or failures or [OSError(errno.EADDRNOTAVAIL, tr("it has no address"))])[-1]


def _alternating(endpoints: list[_Endpoint]) -> Iterable[_Endpoint]:
    """Return the endpoints with alternating families, the first endpoint's family first (RFC 8305, section 4)."""
    families: dict[socket.AddressFamily, deque[_Endpoint]] = {}
    for endpoint in endpoints:
        families.setdefault(endpoint[0], deque()).append(endpoint)
    while any(families.values()):
        for queue in families.values():
            if queue:
                yield queue.popleft()


def _resolve(address: str, port: int, deadline: Deadline) -> list[_Endpoint]:
    try:
        ip_address(address.partition("%")[0])
    except ValueError:
        return _resolve_name(address, port, deadline)
    return _endpoints(address, port, socket.AI_NUMERICHOST)


def _resolve_name(name: str, port: int, deadline: Deadline) -> list[_Endpoint]:
    """Ask the resolver in a thread: getaddrinfo(3) has no deadline."""
    answer: list[_Endpoint] = []
    failure: list[OSError] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answer.extend(_endpoints(name, port, 0))
        except OSError as error:
            failure.append(error)
        except UnicodeError:
            failure.append(socket.gaierror(socket.EAI_NONAME, tr("no such name")))
        finally:
            done.set()

    threading.Thread(target=ask, name=f"resolve {name}", daemon=True).start()
    deadline.wait(done)
    if failure:
        raise failure[0]
    return answer


def _endpoints(address: str, port: int, flags: int) -> list[_Endpoint]:
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, endpoint) for family, _, _, _, endpoint in found]
