"""A command that hands itself over to the agent, if there is one."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING

from stopgap.orchestrator.agent.request import MOST_DESCRIPTORS, Request, interpreter, peer, send

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 3.0
"""Seconds for the agent's answer; a command then runs in its own process."""
ACCEPTED, REFUSED = b"process", b"no"
"""First words of the answer: the number of the process that takes the client's place, or why none does."""
GO = b"go"
"""The client's last word: without it the process in its place runs nothing, so that no command runs twice."""
ENDED, KILLED = b"exit", b"signal"
"""First words of the agent's last line, each with a number."""


def ask_agent(path: str, words: Sequence[str], patience: float = PATIENCE) -> int | None:
    """Have the agent run this command; return its exit code, or None if the command has to run here.

    `path`: of the agent's socket. `words`: sys.argv. Ends this process by a signal that ended the command.
    """
    if not _can_hand_over():
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        try:
            connection.connect(path)
            if peer(connection)[1] != os.geteuid():
                return None
            number = _handed_over(connection, words)
        except (OSError, ValueError, EOFError):
            return None
        return None if number is None else _await(connection, number)


def _can_hand_over() -> bool:
    """Return whether the agent's process can do all that this process can: read from the terminal, above all."""
    try:
        for descriptor in (0, 1, 2):
            os.fstat(descriptor)
    except OSError:
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return True
    os.close(terminal)
    return os.isatty(0)


def _handed_over(connection: socket.socket, words: Sequence[str]) -> int | None:
    """Send the request; return the number of the process that will run it, None after a refusal."""
    inherited = [number for number in _open_descriptors() if os.get_inheritable(number)]
    if len(inherited) + 1 > MOST_DESCRIPTORS:
        return None
    umask = os.umask(0o077)
    os.umask(umask)
    request = Request(
        interpreter(),
        tuple(os.fsencode(word) for word in words),
        tuple(name + b"=" + value for name, value in os.environb.items()),
        tuple(
            (part or "strict").encode()
            for stream in (sys.stdin, sys.stdout, sys.stderr)
            for part in (stream.encoding, stream.errors)
        ),
        _ignored(),
        umask,
        (-1, *inherited),
    )
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        send(connection, request, (folder, *inherited))
    finally:
        os.close(folder)
    word, _, rest = _line(connection).partition(b" ")
    return int(rest) if word == ACCEPTED else None


def _open_descriptors() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc/self/fd") if _is_open(int(name)))  # noqa: PTH208


def _is_open(descriptor: int) -> bool:
    """Return False for the descriptor that listed the others, and is closed by now."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _ignored() -> tuple[int, ...]:
    return tuple(
        number
        for number in sorted(signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ})
        if signal.getsignal(number) is signal.SIG_IGN
    )


def _await(connection: socket.socket, number: int) -> int | None:
    """Let the process begin; pass signals on to it until it has ended, and end as it did."""
    process = os.pidfd_open(number)
    passed = {signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGWINCH, signal.SIGUSR1}
    passed |= {signal.SIGUSR2}

    def passing(which: int, _: object) -> None:
        try:
            signal.pidfd_send_signal(process, which)
        except ProcessLookupError:
            return

    def stopping(*_: object) -> None:
        passing(signal.SIGSTOP, None)
        signal.raise_signal(signal.SIGSTOP)
        passing(signal.SIGCONT, None)

    for each in passed - set(map(signal.Signals, _ignored())):
        signal.signal(each, passing)
    signal.signal(signal.SIGTSTP, stopping)
    connection.settimeout(None)
    connection.sendall(GO + b"\n")
    try:
        word, _, rest = _line(connection).partition(b" ")
    except (OSError, EOFError):
        return _without_agent(process)
    if word == KILLED:
        if int(rest) != signal.SIGKILL:
            signal.signal(int(rest), signal.SIG_DFL)
        signal.raise_signal(int(rest))
    return int(rest)


def _without_agent(process: int) -> int:
    """Wait for the process of an agent that is gone; how the process ended, nobody is told."""
    from stopgap.orchestrator.outcome import ExitCode  # noqa: PLC0415 - no other client needs it
    from stopgap.orchestrator.text import tr  # noqa: PLC0415

    select.select([process], [], [])
    sys.stderr.write(
        tr("stopgap: the agent ended before this command did; `stopgap status` tells what is in force") + "\n"
    )
    return ExitCode.FAILED


def _line(connection: socket.socket) -> bytes:
    """Return a line of the agent's. Raises EOFError where it has closed the connection."""
    line = b""
    while not line.endswith(b"\n"):
        more = connection.recv(1)
        if not more:
            raise EOFError
        line += more
    return line.rstrip(b"\n")
