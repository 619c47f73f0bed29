"""Connections started ahead of the first request, during the start of the process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Self

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.loading import loading
from stopgap.orchestrator.remote.connect import connect, spoken_to_by
from stopgap.orchestrator.remote.handshakes import Handshakes
from stopgap.orchestrator.remote.jumps import Jumps
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Session


class ConnectAhead:
    """Connects over shared jump-host connections; a connection started ahead is handed out first.

    A context manager: the end of the block closes unfinished and unused connections.
    """

    def __init__(self, hosts: Mapping[str, Host], *, asked_once: bool = False) -> None:
        """Create the pool; `hosts` maps names to hosts of the inventory.

        `asked_once`: one exchange is expected of each host; see `Limits`.
        """
        self._hosts = hosts
        self._limits = Limits(asked_once=asked_once)
        self._cancelled = threading.Event()
        self._begun: dict[str, Future[Session]] = {}
        self._jumps = Jumps()
        self._handshakes = Handshakes(hosts.values(), self._limits, "connect ahead")

    def begin(self, hosts: Iterable[Host]) -> None:
        """Start connecting to all given hosts in parallel. The caller of `__call__` learns of an unreachable host."""
        wanted = {host.name: host for host in hosts if host.connection == "ssh" and host.name not in self._begun}
        with loading(spoken_to_by(wanted.values())):  # after the first packets are sent
            for name, host in wanted.items():
                connecting = partial(self._connect, host, self._hosts)
                self._begun[name] = self._handshakes.submit(host, connecting, lambda made: made.close())

    def take(self, made: Mapping[str, Future[Session]]) -> None:
        """Take connections that were made before, and failures, each to be handed out once."""
        self._begun |= made

    def __call__(self, host: Host, hosts: Mapping[str, Host], *, alone: bool = False) -> Session:
        """Return the connection started ahead, once; afterwards a new connection. Raises Unreachable.

        With `alone` the connection is new all the way from the controller, and shares no jump-host connection.
        """
        if alone:
            return connect(host, hosts, self._limits, self._cancelled)
        begun = self._begun.pop(host.name, None)
        return begun.result() if begun else self._connect(host, hosts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancelled.set()
        for begun in self._begun.values():
            begun.add_done_callback(_close)
        self._handshakes.shutdown()

    def _connect(self, host: Host, hosts: Mapping[str, Host]) -> Session:
        return connect(host, hosts, self._limits, self._cancelled, self._jumps)


def _close(begun: Future[Session]) -> None:
    if not begun.cancelled() and begun.exception() is None:
        begun.result().close()
