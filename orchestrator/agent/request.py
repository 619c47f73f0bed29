"""What a client hands over to the process that takes its place: bytes, and descriptors beside them."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DESCRIPTORS = 64
"""Of one request; the kernel takes 253 (unix(7), SCM_MAX_FD)."""
_PEER = struct.Struct("3i")
_NUMBER = 4
"""Bytes of a count."""
_HEAD = 64
"""Bytes of the first part, which the descriptors come with."""
_LARGEST = 8 << 20
"""Bytes of a request; execve(2) takes less for arguments and environment together."""


class Request(NamedTuple):
    """A command as the operator typed the command, and what the client's process inherited."""

    interpreter: bytes
    """What has to be the same in the agent: see `interpreter`."""
    words: tuple[bytes, ...]
    """sys.argv, the program's name first."""
    environ: tuple[bytes, ...]
    """NAME=VALUE each."""
    encodings: tuple[bytes, ...]
    """Encoding and error handler of standard input, output and error."""
    ignored: tuple[int, ...]
    """Signals that the process was started to ignore, as by nohup(1)."""
    umask: int
    descriptors: tuple[int, ...]
    """Numbers in the client; the first is the current folder, and has none there: -1."""


def interpreter() -> bytes:
    """Return what tells two interpreters apart for a command: program, version, module path, flags, encoding."""
    told = (sys.executable, sys.version, sys.path[1:], sys.flags, sys.pycache_prefix, sys.getfilesystemencoding())
    return repr(told).encode("utf-8", "surrogateescape")


def peer(connection: socket.socket) -> tuple[int, int, int]:
    """Return process, account and group at the other end (unix(7), SO_PEERCRED)."""
    process, account, group = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return process, account, group


def send(connection: socket.socket, request: Request, received: Sequence[int]) -> None:
    """Send a request. `received`: the open descriptors, in the order of `request.descriptors`."""
    fields = (
        (request.interpreter,),
        request.words,
        request.environ,
        request.encodings,
        tuple(b"%d" % number for number in request.ignored),
        (b"%d" % request.umask,),
        tuple(b"%d" % number for number in request.descriptors),
    )
    body = b"".join(_packed(b"".join(_packed(part) for part in parts)) for parts in fields)
    head = b"%d" % len(body)
    socket.send_fds(connection, [head.ljust(_HEAD)], list(received))
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Request, list[int]]:
    """Return a request and its descriptors, close-on-exec.

    Raises ValueError for anything else, EOFError for an end.
    """
    head, received, flags, _ = socket.recv_fds(connection, _HEAD, MOST_DESCRIPTORS)
    for descriptor in received:
        os.set_inheritable(descriptor, False)
    if flags & socket.MSG_CTRUNC:
        raise ValueError(flags)
    head += exactly(connection, _HEAD - len(head))
    size = int(head)
    if not 0 <= size <= _LARGEST:
        raise ValueError(size)
    fields = [tuple(_parts(field)) for field in _parts(exactly(connection, size))]
    (program,), words, environ, encodings, ignored, (umask,), descriptors = fields
    request = Request(program, words, environ, encodings, _numbers(ignored), int(umask), tuple(_numbers(descriptors)))
    if len(received) != len(request.descriptors):
        raise ValueError(received)
    return request, received


def _numbers(parts: tuple[bytes, ...]) -> tuple[int, ...]:
    return tuple(int(part) for part in parts)


def _packed(part: bytes) -> bytes:
    return len(part).to_bytes(_NUMBER, "big") + part


def _parts(packed: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(packed):
        size = int.from_bytes(packed[at : at + _NUMBER], "big")
        at += _NUMBER
        if at + size > len(packed):
            raise ValueError(at)
        parts.append(packed[at : at + size])
        at += size
    return parts


def exactly(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes. Raises EOFError for an end before."""
    got = bytearray()
    while len(got) < size:
        more = connection.recv(min(size - len(got), 1 << 16))
        if not more:
            raise EOFError
        got += more
    return bytes(got)
