"""A process of the agent's that takes its client's place."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import socket
import sys
import time

from stopgap.orchestrator.agent.client import ACCEPTED, GO, PATIENCE, REFUSED
from stopgap.orchestrator.agent.request import Request, exactly, interpreter, peer, receive
from stopgap.orchestrator.agent.sameness import difference

_HIGH = 512
"""Descriptors from here on are out of the way of the client's."""


def take_place(connection: socket.socket) -> list[str] | None:
    """Become what the client is: descriptors, folder, environment, signals, limits; return its sys.argv.

    None where the client is gone, or was told that the command has to run in its own process.
    """
    connection.settimeout(PATIENCE)
    try:
        request, received = receive(connection)
        refusal = _refusal(request, connection)
        if refusal is not None:
            connection.sendall(b"%s %s\n" % (REFUSED, refusal.encode()))
            return None
        moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _HIGH) for each in received]
        for each in received:
            os.close(each)
        connection.sendall(b"%s %d\n" % (ACCEPTED, os.getpid()))
        if exactly(connection, len(GO) + 1) != GO + b"\n":
            return None
    except (OSError, ValueError, EOFError):
        return None
    connection.close()
    _inherit(request, moved)
    return [os.fsdecode(word) for word in request.words]


def _refusal(request: Request, connection: socket.socket) -> str | None:
    if request.interpreter != interpreter():
        return "interpreter"
    return difference(peer(connection)[0])


def _inherit(request: Request, moved: list[int]) -> None:
    os.fchdir(moved[0])
    os.close(moved[0])
    for number, descriptor in zip(request.descriptors[1:], moved[1:], strict=True):
        os.dup2(descriptor, number, inheritable=True)
        os.close(descriptor)
    os.setpgid(0, 0)
    os.umask(request.umask)
    for which in request.ignored:
        signal.signal(which, signal.SIG_IGN)
    os.environb.clear()
    for line in request.environ:
        name, _, value = line.partition(b"=")
        os.environb[name] = value
    time.tzset()
    _open_streams([part.decode() for part in request.encodings])


def _open_streams(encodings: list[str]) -> None:
    """Make standard streams for the client's descriptors, as an interpreter does when it starts."""
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        encoding, errors = encodings[2 * descriptor : 2 * descriptor + 2]
        stream = open(descriptor, mode, encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
        if name == "stderr" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
        vars(sys).update({name: stream, f"__{name}__": stream})
