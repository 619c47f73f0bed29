"""The agent: accepts clients, forks a process for each, and tells each how its process ended."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stopgap.orchestrator.agent.address import LONGEST
from stopgap.orchestrator.agent.client import ENDED, KILLED
from stopgap.orchestrator.agent.request import peer
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.text import tr

_WAITING = 16
"""Clients between two calls of accept(2)."""
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def listen(path: Path) -> socket.socket:
    """Return a socket that listens at a path, for this account alone.

    Raises Error where another agent listens there, or where no socket can be made.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise Error(tr("{path}: longer than a socket's path can be; set STOPGAP_HOME to a shorter one", path=path))
    listener = socket.socket(socket.AF_UNIX)
    try:
        if answers(path):
            raise Error(tr("an agent is there already: {path}", path=path))
        with suppress(FileNotFoundError):
            path.unlink()
        umask = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(umask)
        listener.listen(_WAITING)
    except OSError as error:
        listener.close()
        raise Error(f"{path}: {error.strerror}") from None
    except Error:
        listener.close()
        raise
    return listener


def answers(path: Path) -> bool:
    """Return whether a process listens at a path."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(os.fspath(path))
        except OSError:
            return False
    return True


def process_of(path: Path) -> int | None:
    """Return the number of the process that listens at a path, None if none does."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(os.fspath(path))
        except OSError:
            return None
        return peer(connection)[0]


@dataclass
class _Clients:
    """The processes at work, each with its client's connection."""

    polled: select.poll
    of_process: dict[int, tuple[int, socket.socket]] = field(default_factory=dict)
    """pidfd → number of the process and connection."""
    of_connection: dict[int, int] = field(default_factory=dict)
    """Descriptor of the connection → pidfd."""

    def add(self, number: int, connection: socket.socket) -> None:
        process = os.pidfd_open(number)
        self.of_process[process] = number, connection
        self.of_connection[connection.fileno()] = process
        self.polled.register(process, select.POLLIN)
        self.polled.register(connection, select.POLLRDHUP)

    def ended(self, process: int) -> None:
        """Tell the client how its process ended."""
        number, connection = self.of_process.pop(process)
        code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        word = ENDED if code >= 0 else KILLED
        self.left(connection.fileno())
        with connection, suppress(OSError):
            connection.sendall(b"%s %d\n" % (word, abs(code)))
        self.polled.unregister(process)
        os.close(process)

    def gone(self, descriptor: int) -> None:
        """Hang up on a process whose client is gone, as a terminal does (SIGHUP)."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.of_connection[descriptor], signal.SIGHUP)
        self.left(descriptor)

    def forget(self) -> None:
        """Close what a child has inherited of the other clients."""
        for process, (_, connection) in self.of_process.items():
            connection.close()
            os.close(process)

    def left(self, descriptor: int) -> None:
        if self.of_connection.pop(descriptor, None) is not None:
            self.polled.unregister(descriptor)


def serve(listener: socket.socket, idle: float, is_current: Callable[[], bool]) -> socket.socket | None:
    """Fork a process for each client, until SIGTERM, `idle` seconds without a client, or changed code.

    Returns in each child the connection to its client; in the agent None, once every child has ended.
    `is_current`: whether the imported code is still that on disk.
    """
    wakes, woken = socket.socketpair()
    for end in (wakes, woken):
        end.setblocking(False)
    kept = {each: signal.signal(each, lambda *_: None) for each in _STOPS}
    kept_wake = signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    clients = _Clients(select.poll())
    clients.polled.register(listener, select.POLLIN)
    clients.polled.register(wakes, select.POLLIN)
    listens = True
    while listens or clients.of_process:
        events = clients.polled.poll(idle * 1000 if listens and not clients.of_process else None)
        stops = not events
        for descriptor, _ in events:
            if descriptor == wakes.fileno():
                stops = True
                wakes.recv(64)
            elif descriptor in clients.of_process:
                clients.ended(descriptor)
            elif descriptor in clients.of_connection:
                clients.gone(descriptor)
        if listens and any(descriptor == listener.fileno() for descriptor, _ in events):
            if not is_current():
                stops = True
            elif (connection := _accepted(listener)) is not None:
                # Until its handlers are the client's, a signal to the child would wake the agent.
                unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
                number = os.fork()
                if number == 0:
                    signal.set_wakeup_fd(kept_wake)
                    for each, handler in kept.items():
                        signal.signal(each, handler)
                    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
                    clients.forget()
                    for end in (listener, wakes, woken):
                        end.close()
                    return connection
                signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
                clients.add(number, connection)
        if stops and listens:
            listens = False
            clients.polled.unregister(listener)
            _close(listener)
    return None


def _accepted(listener: socket.socket) -> socket.socket | None:
    """Return a client's connection, None for a client of another account."""
    try:
        connection, _ = listener.accept()
    except OSError:
        return None
    if peer(connection)[1] == os.geteuid():
        return connection
    connection.close()
    return None


def _close(listener: socket.socket) -> None:
    """Take the socket away first, so that no client waits at it."""
    with suppress(OSError):
        Path(listener.getsockname()).unlink()
    listener.close()
