"""The connection pool of a run: all connections start at once, and one exchange at a time uses a connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from stopgap.orchestrator.facts import Output, Reader, UnreadableError, joint
from stopgap.orchestrator.host import CONTROLLER, Cli, Host
from stopgap.orchestrator.journal.error_files import own_error
from stopgap.orchestrator.loading import loading
from stopgap.orchestrator.plan import Look, NoShell, NotYet, OutOfReach, Wanted
from stopgap.orchestrator.remote import (
    Handshakes,
    Item,
    Limits,
    Session,
    Unreachable,
    recognise_command_line,
    spoken_to_by,
)
from stopgap.orchestrator.run.host_lock import HostLocks
from stopgap.orchestrator.text import tr


class Connect(Protocol):
    """Opens a session with a host, over the jump hosts named by the mapping. Raises Unreachable."""

    def __call__(self, host: Host, hosts: Mapping[str, Host], *, alone: bool = False) -> Session:
        """Open the session; `alone` uses separate connections all the way from the controller to the host."""


LOOKING_AT_ONCE = 64
PATIENCE = 1.0
"""Minimum timeout in seconds for hosts not needed, after the answers of the needed hosts."""
LETTING_GO = 5.0
"""Seconds for the release of the locks at the end."""
_NOT_YET = tr("it has not answered so far, and what contains does not wait for it")
_INTERRUPTED = tr("interrupted; its connection was closed")


class ConnectionPool:
    """Sessions by host. `expect` starts connecting and returns at once; `session` waits for one host.

    After `close`, callable from any thread at any time, every host is out of reach.
    """

    def __init__(self, hosts: Mapping[str, Host], connect: Connect, locks: HostLocks | None = None) -> None:
        """Create the pool; `locks` are the locks to take on a host before the first read."""
        self.locks = locks or HostLocks("")
        self._hosts = hosts
        self._connect = connect
        self._handshakes = Handshakes(hosts.values(), Limits(), "connect")
        self._looking = ThreadPoolExecutor(LOOKING_AT_ONCE, "look")
        self._lock = threading.Lock()
        self._sessions: dict[str, Future[Session]] = {}
        self._beside: dict[str, list[Session]] = {}
        """Sessions beside the one of `_sessions`, by host, that nobody has taken yet."""
        self._looking_beside: list[Session] = []
        self._closed = False
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Return the pool; the end of the with statement closes every connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def expect(self, hosts: Iterable[Host]) -> None:
        """Start connecting to all given hosts at once, except hosts already connected or connecting."""
        wanted = {host.name: host for host in hosts}
        with loading(spoken_to_by(wanted.values())), self._lock:
            for name, host in wanted.items():
                if name not in self._sessions and not self._closed:
                    self._sessions[name] = self._begin(host)

    def session(self, host: Host) -> Session:
        """Wait for the host's session and return the session; reopen a broken session. Raises OutOfReach."""
        self.expect([host])
        session = self._opened(host)
        if session.alive:
            return session
        with self._lock:
            if not self._closed and self._sessions[host.name].result() is session:
                self._sessions[host.name] = self._begin(host)
        return self._opened(host)

    def makes_room(self, host: Host) -> bool:
        """Return True if the host has a session on which a collection can run beside other exchanges.

        Takes a round trip, and does not wait for a connection. The next `collecting` uses that session.
        """
        if not self.answers(host):
            return False
        try:
            beside = self.session(host).beside()
        except OutOfReach:
            return False
        with self._lock:
            self._beside.setdefault(host.name, []).extend([beside] if beside else [])
        return beside is not None

    @contextmanager
    def collecting(self, host: Host) -> Iterator[Session]:
        """Yield the session of `makes_room`, closed at the end of the block, or the host's. Raises OutOfReach."""
        with self._lock:
            beside = next((s for s in self._beside.pop(host.name, ()) if s.alive), None)
        if beside is None:
            yield self.session(host)
            return
        try:
            yield beside
        finally:
            beside.close()

    def answers(self, host: Host) -> bool:
        """Return True, without waiting, if the host has a usable session."""
        with self._lock:
            future = self._sessions.get(host.name)
        opened = future is not None and future.done() and not future.cancelled() and not future.exception()
        return bool(future and opened and future.result().alive)

    def reconnect(self, host: Host) -> None:
        """Forget an unreachable host, so that the next call of `session` retries."""
        with self._lock:
            future = self._sessions.get(host.name)
            if future and future.done() and not future.cancelled() and future.exception():
                del self._sessions[host.name]

    def hand_over(self) -> dict[str, Future[Session]]:
        """Return the connections made so far, and those that failed, by host; the pool knows them no more."""
        with self._lock:
            made = {name: future for name, future in self._sessions.items() if future.done()}
            for name in made:
                del self._sessions[name]
        return made

    def command_line(self, host: Host) -> tuple[Cli, str]:
        """Return the command line of a device without a shell, and what it was recognised by. Raises OutOfReach."""
        if self._closed:
            raise OutOfReach(_INTERRUPTED)
        try:
            return recognise_command_line(host, self._hosts, cancelled=self._ended)
        except Unreachable as error:
            raise OutOfReach(error.reason) from error

    def reopen(self, host: Host) -> None:
        """Connect to the host anew, as the host is described now; the earlier session is closed."""
        with self._lock:
            earlier = self._sessions.pop(host.name, None)
            self._hosts = {**self._hosts, host.name: host}
        if earlier:
            earlier.add_done_callback(_close)
        self.expect([host])

    @contextmanager
    def fresh(self, host: Host) -> Iterator[Session]:
        """Open a separate connection for the length of the block; the pooled session stays. Raises OutOfReach."""
        session = _made(self._begin(host, alone=True))
        try:
            yield session
        finally:
            session.close()

    def look(
        self, wanted: Sequence[Wanted], needed: frozenset[str] | None = None
    ) -> dict[tuple[str, Reader[Any]], Look]:
        """Read facts: one exchange for each host, all hosts in parallel.

        With `needed`, the timeout for the other hosts is the time taken by the needed hosts, PATIENCE seconds at
        least; a host without an answer by then yields NotYet.
        """
        by_host: dict[str, tuple[Host, list[Reader[Any]]]] = {}
        for host, reader in sorted(wanted, key=lambda request: needed is not None and request[0].name not in needed):
            by_host.setdefault(host.name, (host, []))[1].append(reader)
        began = time.monotonic()
        self.expect(host for host, _ in by_host.values())
        with self._lock:
            if self._closed:
                return {(host.name, reader): OutOfReach(_INTERRUPTED) for host, reader in wanted}
            answers = {name: self._looking.submit(self._look_at, *pair) for name, pair in by_host.items()}
        if needed is not None:
            wait([answers[name] for name in answers if name in needed])
            wait(answers.values(), timeout=max(PATIENCE, time.monotonic() - began))
        looks: dict[tuple[str, Reader[Any]], Look] = {}
        for name, answer in answers.items():
            if needed is None or name in needed or answer.done():
                looks |= answer.result()
            else:
                looks |= {(name, reader): NotYet(_NOT_YET) for reader in by_host[name][1]}
        return looks

    def look_beside(self, host: Host, reader: Reader[Any]) -> Look:
        """Read a fact that takes long, beside other exchanges with the host if the host has room for that."""
        with ExitStack() as opened:
            if self.answers(host) and self.locks.item(host) is None:
                with suppress(OutOfReach):
                    if (beside := self.session(host).beside()) is not None:
                        opened.enter_context(self._watched(beside))
                        output = beside.exchange([Item(reader.script(), reader.deadline, reader.cap)])[0]
                        if output.status is not None or beside.alive:
                            return _parsed(host, reader, output, beside)
        return self.look([(host, reader)])[host.name, reader]

    def lock(self, hosts: Iterable[Host]) -> None:
        """Lock hosts without reading facts first; an unreachable host is left out."""
        items = [(host, item) for host in hosts if (item := self.locks.item(host))]
        self.expect(host for host, _ in items)
        for host, item in items:
            with suppress(OutOfReach):
                session = self.session(host)
                self.locks.asked.add(host.name)
                output = session.exchange([item])[0]
                if session.no_shell:
                    raise NoShell(session.no_shell)
                self.locks.heard(host, output)

    def release(self) -> None:
        """Release the lock of every locked host, over a new connection if the session was cut.

        On an unreachable or slow host the lock expires by itself.
        """
        locked = self.locks.asked - self.locks.held.keys()
        if locked:
            workers = ThreadPoolExecutor(min(len(locked), LOOKING_AT_ONCE), "release")
            wait([workers.submit(self._let_go, self._hosts[name]) for name in locked], timeout=LETTING_GO)
            workers.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Close every connection, connections still in their handshake included."""
        with self._lock:
            self._closed = True
            self._ended.set()
            futures, beside = list(self._sessions.values()), list(self._looking_beside)
        for session in beside:
            session.close()
        for future in futures:
            future.cancel()
            future.add_done_callback(_close)
        self._handshakes.shutdown()
        self._looking.shutdown(wait=False)  # waiting callers get an answer at once: every host is out of reach

    def _opened(self, host: Host) -> Session:
        """Wait for the host's session, alive or not."""
        if self._closed:
            raise OutOfReach(_INTERRUPTED)
        return _made(self._sessions[host.name])

    def _begin(self, host: Host, *, alone: bool = False) -> Future[Session]:
        connect = partial(self._connect, host, self._hosts, alone=alone)
        return self._handshakes.submit(host, connect, lambda session: session.close())

    def _let_go(self, host: Host) -> None:
        item, future = self.locks.release(host), self._sessions.get(host.name)
        opened = future and future.done() and not future.cancelled() and not future.exception()
        session = future.result() if future and opened else None
        if item is None or (session and session.alive and session.exchange([item])[0].status == 0):
            return
        with suppress(Unreachable):
            session = self._connect(host, self._hosts)
            session.exchange([item])
            session.close()

    def _look_at(self, host: Host, readers: list[Reader[Any]]) -> dict[tuple[str, Reader[Any]], Look]:
        lock = self.locks.item(host)
        runs = joint(readers)
        items = [Item(r.script(), r.deadline, r.cap) for r, _ in runs]
        try:
            self.session(host)
            self.locks.asked |= {host.name} if lock else set()
            session, outputs = self._read(host, [lock, *items] if lock else items)
        except OutOfReach as error:
            return {(host.name, reader): error for reader in readers}
        if lock:
            self.locks.heard(host, outputs.pop(0))
        answers: dict[tuple[str, Reader[Any]], Look] = {}
        asked = [(r, output) for (_, asking), output in zip(runs, outputs, strict=True) for r in asking]
        for reader, output in asked:
            answers[host.name, reader] = _parsed(host, reader, output, session)
        return answers

    @contextmanager
    def _watched(self, session: Session) -> Iterator[None]:
        """Close the session at the end of the block, or with the pool."""
        with self._lock:
            self._looking_beside.append(session)
            closed = self._closed
        try:
            if closed:
                session.close()
            yield
        finally:
            with self._lock:
                self._looking_beside.remove(session)
            session.close()

    def _read(self, host: Host, items: Sequence[Item]) -> tuple[Session, list[Output]]:
        """Run a read-only exchange; retry once after a broken connection, within the remaining time."""
        session = self.session(host)
        began = time.monotonic()
        outputs = session.exchange(items)
        if session.no_shell:
            raise NoShell(session.no_shell)
        left = sum(item.deadline for item in items) - (time.monotonic() - began)
        if session.alive or left <= 0 or all(output.status is not None for output in outputs):
            return session, outputs
        try:
            again = self.session(host)
        except OutOfReach:
            return session, outputs
        return again, again.exchange(items, deadline=left)


def _parsed(host: Host, reader: Reader[Any], output: Output, session: Session) -> Look:
    """Return what a reader makes of a host's output, or why it makes nothing."""
    try:
        if output.status is None:
            reason = session.trouble or tr("no answer in time")
            raise UnreadableError(tr("{host}: {trouble}", host=host.name, trouble=reason))
        return reader.parse(output)
    except UnreadableError as error:
        return error
    except Exception as error:  # a reader's error on hostile output costs one fact
        return UnreadableError(tr("{host}: unreadable, {error}", host=host.name, error=own_error(error)))


def _made(connecting: Future[Session]) -> Session:
    """Wait for a session and return the session. Raises OutOfReach."""
    try:
        return connecting.result()
    except Unreachable as error:
        raise OutOfReach(error.reason) from error
    except CancelledError:
        raise OutOfReach(_INTERRUPTED) from None


def _close(future: Future[Session]) -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().close()


@contextmanager
def releasing(pool: ConnectionPool) -> Iterator[None]:
    """Release all locks of the pool at the end of the block, unless the pool was cut off from the hosts."""
    try:
        yield
    finally:
        pool.release()


def with_controller(hosts: Mapping[str, Host]) -> dict[str, Host]:
    """Return the inventory's hosts with the controller added."""
    return {**hosts, CONTROLLER.name: CONTROLLER}
