"""Opens the socket of the page, and serves until Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.serve.settings import InheritedPlace, Place, TcpPlace, UnixPlace
from stopgap.orchestrator.text import tr

_INHERITED = 3
"""The first descriptor that systemd hands on (sd_listen_fds(3))."""
_BACKLOG = 64
_AT_ONCE = 128
"""Connections at once."""
_HEAD = 16 << 10
"""Bytes of a request's head."""


def open_socket(place: Place) -> socket.socket:
    """Return a socket that listens at a place; raises Error where that is impossible, with what to do.

    The Unix socket has mode 0600; one that nobody listens on any more is replaced.
    """
    match place:
        case UnixPlace(path=path):
            return _unix_socket(path)
        case TcpPlace(address=address, port=port):
            return _tcp_socket(address, port)
        case InheritedPlace():
            return _inherited_socket()


def inherits() -> bool:
    """Return True if systemd has opened a socket for this process (sd_listen_fds(3))."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def listen(app: ASGIApp, listening: socket.socket) -> None:
    """Serve on the socket until SIGINT, then raise KeyboardInterrupt; or until SIGTERM, then raise SystemExit(0)."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        h11_max_incomplete_event_size=_HEAD,
        timeout_graceful_shutdown=0,
    )
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
        _close(listening)


def _leave(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


def _unix_socket(path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_left_over(path)
        before = os.umask(0o177)
        try:
            opened.bind(str(path))
        finally:
            os.umask(before)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise Error(tr("{path}: {why}; give another --socket", path=path, why=error.strerror or error)) from None
    except Error:
        opened.close()
        raise
    return opened


def _remove_left_over(path: Path) -> None:
    """Remove a socket that nobody listens on; raises Error for one that is in use."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise Error(tr("{path} is there, and is no socket; give another --socket", path=path))
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise Error(tr("{path}: another page is served there; give another --socket", path=path))


def _tcp_socket(address: str, port: int) -> socket.socket:
    name = "127.0.0.1" if address == "localhost" else address
    opened = socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((name, port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise Error(
                tr("{address}:{port} is in use; give another port: --listen {address}:0", address=address, port=port)
            ) from None
        raise Error(
            tr("{address}:{port}: {why}; give another --listen", address=address, port=port, why=error.strerror)
        ) from None
    return opened


def _inherited_socket() -> socket.socket:
    opened = socket.socket(fileno=_INHERITED)
    if opened.type != socket.SOCK_STREAM or opened.family not in {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}:
        raise UsageError(tr("systemd handed on no stream socket; see ListenStream= in systemd.socket(5)"))
    return opened


def place_of_socket(opened: socket.socket) -> UnixPlace | TcpPlace:
    """Return where a socket listens."""
    name = opened.getsockname()
    return UnixPlace(Path(os.fsdecode(name))) if opened.family == socket.AF_UNIX else TcpPlace(name[0], name[1])


def _close(listening: socket.socket) -> None:
    """Close the socket; remove the file of a Unix socket that this process made."""
    name = listening.getsockname() if listening.fileno() >= 0 else None
    listening.close()
    if isinstance(name, str) and name and not inherits():
        with suppress(OSError):
            Path(name).unlink()
