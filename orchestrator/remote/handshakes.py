"""Limits on parallel connections: in all, at one host, and through one jump host."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.text import tr

T = TypeVar("T")


class Handshakes:
    """Makes connections in threads.

    Hosts needed by other hosts, such as routers and jump hosts, have threads of their own: silent targets never delay
    a router.
    """

    def __init__(self, hosts: Iterable[Host], limits: Limits, name: str) -> None:
        """Create the threads; `hosts` holds all hosts of the inventory, `name` is the threads' name."""
        known = list(hosts)
        related = {name for host in known for name in (*host.upstreams, host.spare, host.jump) if name}
        self._depended_on = related | {host.name for host in known if host.driver}
        self._limits = limits
        self._pools: Mapping[bool, ThreadPoolExecutor] = {
            True: ThreadPoolExecutor(limits.handshakes, tr("{name}, router", name=name)),
            False: ThreadPoolExecutor(limits.handshakes, name),
        }
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[str, deque[tuple[Host, Callable[[], None]]]] = {}
        self._futures: set[Future[object]] = set()
        self._closed = False

    def submit(self, host: Host, call: Callable[[], T], discard: Callable[[T], None] | None = None) -> Future[T]:
        """Run `call`, a connection to the host, as soon as the limits allow; return a future.

        After a cancel, a wait for the future raises CancelledError at once; a late connection is discarded.
        """
        future: Future[T] = Future()
        lane, most = self._lane(host)

        def go() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    _settle(future, call, discard)
            finally:
                self._ended(lane)

        with self._lock:
            if self._closed:
                future.cancel()
                return future
            self._futures.add(future)  # type: ignore[arg-type]
            future.add_done_callback(self._futures.discard)
            if self._under_way[lane] < most:
                self._begin(lane, host, go)
            else:
                self._waiting.setdefault(lane, deque()).append((host, go))
        return future

    def shutdown(self) -> None:
        """Start no further connection, and release every waiting caller."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            futures = list(self._futures)
        for future in futures:
            if not future.cancel():
                with suppress(InvalidStateError):
                    future.set_exception(CancelledError())
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _lane(self, host: Host) -> tuple[str, int]:
        if host.jump is not None:
            return tr("through {jump}", jump=host.jump), self._limits.through
        return host.name, self._limits.logins

    def _begin(self, lane: str, host: Host, go: Callable[[], None]) -> None:
        self._under_way[lane] += 1
        self._pools[host.name in self._depended_on].submit(go)

    def _ended(self, lane: str) -> None:
        with self._lock:
            self._under_way[lane] -= 1
            waiting = self._waiting.get(lane)
            if waiting and not self._closed:
                self._begin(lane, *waiting.popleft())


def _settle(future: Future[T], call: Callable[[], T], discard: Callable[[T], None] | None) -> None:
    try:
        made = call()
    except BaseException as error:
        with suppress(InvalidStateError):
            future.set_exception(error)
        return
    try:
        future.set_result(made)
    except InvalidStateError:
        if discard:
            discard(made)
