"""Jump hosts: one connection to each, shared by all hosts behind the jump host."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stopgap.orchestrator.remote.gateway import Gateway
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline

if TYPE_CHECKING:
    from stopgap.orchestrator.remote.transport import HardenedTransport


class Jumps:
    """The open connections to jump hosts; each closes with the last host behind the jump host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[str, _Shared] = {}

    def through(self, name: str, make: Callable[[], Gateway]) -> SharedGateway:
        """Return a gateway through the named jump host; `make` connects at the first opening."""
        return SharedGateway(self, name, make)

    def join(self, name: str, make: Callable[[], Gateway]) -> _Shared:
        """Return the jump host's shared connection; the last `leave` closes the connection."""
        with self._lock:
            shared = self._shared.get(name)
            if shared is None or shared.spent:
                shared = self._shared[name] = _Shared(make())
            shared.users += 1
            return shared

    def leave(self, name: str, shared: _Shared) -> None:
        """Leave the shared connection."""
        with self._lock:
            shared.users -= 1
            last = not shared.users
            if last and self._shared.get(name) is shared:
                del self._shared[name]
        if last:
            shared.connection.close()


@dataclass(eq=False)
class _Shared:
    connection: Gateway
    users: int = 0
    opening: threading.Lock = field(default_factory=threading.Lock)
    failure: Unreachable | None = None
    """The reason for a failed opening, told to all waiting hosts without another attempt."""
    opened: bool = False

    @property
    def spent(self) -> bool:
        """True after a close or a failed opening: the next host starts a new connection."""
        return self.failure is not None or (self.opened and not self.connection.is_connected)

    def open(self, deadline: Deadline) -> None:
        """Log in, or wait for the login of another host. Raises Unreachable, TimeoutError, CancelledError."""
        while not self.opening.acquire(timeout=deadline.slice()):
            pass
        try:
            if self.failure is not None:
                raise self.failure
            if not self.opened:
                self.connection.open(deadline)
                self.opened = True
        except Unreachable as error:
            if error.kind not in {"timeout", "cancelled"}:  # timeout and cancel concern one waiting host
                self.failure = error
            raise
        finally:
            self.opening.release()


class SharedGateway:
    """The gateway of one host: a jump-host connection shared with other hosts behind the jump host."""

    def __init__(self, jumps: Jumps, name: str, make: Callable[[], Gateway]) -> None:
        self._jumps = jumps
        self._name = name
        self._make = make
        self._shared: _Shared | None = None

    @property
    def is_connected(self) -> bool:
        """True while the connection to the jump host is open."""
        return self._shared is not None and bool(self._shared.connection.is_connected)

    @property
    def transport(self) -> HardenedTransport:
        """The transport for channels to hosts behind the jump host; open."""
        if self._shared is None:
            raise ValueError(tr("the gateway was not opened"))
        return self._shared.connection.transport

    def open(self, deadline: Deadline) -> None:
        """Open the shared connection, if necessary. Raises Unreachable, TimeoutError, CancelledError."""
        if self._shared is not None and self._shared.spent:
            self.close()
        if self._shared is None:
            self._shared = self._jumps.join(self._name, self._make)
        self._shared.open(deadline)

    def close(self) -> None:
        """Leave the shared connection."""
        shared, self._shared = self._shared, None
        if shared is not None:
            self._jumps.leave(self._name, shared)
