"""Imports every module once, then forks for each launcher that connects; ends when its standard input ends."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import os
import pkgutil
import select
import shutil
import signal
import socket
import struct
import sys
import time
from pathlib import Path

import stopgap.orchestrator
import stopgap.tasks
from stopgap.orchestrator.cli import main

NAMESPACES = ("net", "uts", "ipc", "mnt", "pid")
LARGEST = 1 << 20
"""Bytes of a request: arguments and environment."""


class Request:
    """What a launcher sent."""

    def __init__(self, connection: socket.socket) -> None:
        message, files, _, _ = socket.recv_fds(connection, LARGEST, 3)
        count, mask, *words = message.split(b"\0")
        self.files = files
        self.mask = int(mask)
        self.argv = [os.fsdecode(word) for word in words[: int(count)]]
        self.environment = dict(word.split(b"=", 1) for word in words[int(count) :])
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        self.process = Path("/proc") / str(struct.unpack("3i", peer)[0])


def serve(folder: Path) -> Request | None:
    """Accept launchers; return their request in each fork, and `None` in the server at its end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(folder / "socket"))
        listening.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the guards are reaped by the kernel
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listening, 0], [], [])
            if 0 in ready:
                shutil.rmtree(folder, ignore_errors=True)
                return None
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                return guarded(connection)
            connection.close()


def guarded(connection: socket.socket) -> Request:
    """Fork once more for the command; the guard passes signals to the command and its status to the launcher."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = Request(connection)
    enter(request.process)
    child = os.fork()
    if child == 0:
        connection.close()
        return request
    for file in request.files:
        os.close(file)
    ended = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([ended, connection], [], [])
        if ended in ready:
            connection.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
            os._exit(0)
        try:
            received = connection.recv(1)
        except OSError:
            received = b""
        os.kill(child, received[0] if received else signal.SIGKILL)
        if not received:
            os._exit(0)


def enter(process: Path) -> None:
    """Enter the namespaces, the root and the working directory of a launcher."""
    libc = ctypes.CDLL(None, use_errno=True)
    root, here = (os.open(process / name, os.O_PATH | os.O_DIRECTORY) for name in ("root", "cwd"))
    same_root = os.path.samestat(os.fstat(root), Path("/").stat())
    entered = [process / "ns" / name for name in NAMESPACES]
    own = [Path("/proc/self/ns") / path.name for path in entered]
    apart = [os.open(path, os.O_RDONLY) for path, mine in zip(entered, own, strict=True) if not path.samefile(mine)]
    for namespace in apart:
        if libc.setns(namespace, 0):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(namespace)
    if apart or not same_root:  # who is not root can do neither, and needs neither
        os.fchdir(root)
        os.chroot(".")
    os.fchdir(here)
    os.close(root)
    os.close(here)


def become(request: Request) -> None:
    """Take over files, environment and arguments."""
    for number, file in enumerate(request.files):
        os.dup2(file, number)
        os.close(file)
    os.umask(request.mask)
    os.environb.clear()
    os.environb.update(request.environment)
    time.tzset()
    sys.argv = request.argv
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        errors = "backslashreplace" if name == "stderr" else "strict"
        buffering = 1 if name == "stderr" or os.isatty(number) else -1
        stream = open(number, mode, buffering, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def preload() -> None:
    """Import what a command may import, except what needs an extra that is not here."""
    for package in (stopgap.orchestrator, stopgap.tasks):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                importlib.import_module(module.name)
            except ImportError:
                continue
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    preload()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    received = serve(Path(sys.argv[1]))
    if received is None:
        atexit._clear()
        os._exit(0)
    become(received)
    sys.exit(main(sys.argv[1:]))
