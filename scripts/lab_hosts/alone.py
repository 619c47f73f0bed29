"""A place where a lab meets no other lab of this machine: `scripts/lab alone CMD…`.

What runs there has process numbers and a /run of its own, and control groups of another name. However it ends, all of
its processes, mounts, namespaces, control groups and files go with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from . import image, machine
from .failure import LabError
from .state import state_of

MOST = 16
PATIENCE = 60.0
"""Seconds that an interrupted command has to end by itself."""
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The first process of a namespace of processes takes in orphans and no signal but SIGKILL: a shell is one, CMD none.
ENTER = 'mount -t tmpfs -o mode=755 none /run && "$@"; exit $?'
_PDEATHSIG, _CHILD_SUBREAPER = 1, 36


def run(argv: Sequence[str]) -> int:
    """Run a command in a place of its own, clear up after it, and give its exit status.

    A signal interrupts the command, and so does the death of this process, by whatever signal.
    Raises LabError where all places are taken.
    """
    keeper = os.fork()
    if not keeper:
        _keep(argv)
    for number in INTERRUPTIONS:
        signal.signal(number, lambda number, _: os.kill(keeper, number))
    return _exit_status(os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]))


def _keep(argv: Sequence[str]) -> NoReturn:
    """Be the process that clears up, which nobody kills who kills the one that was called."""
    status = 1
    try:
        for number in INTERRUPTIONS:
            signal.signal(number, _interrupt)
        _prctl(_PDEATHSIG, signal.SIGTERM)
        _prctl(_CHILD_SUBREAPER, 1)
        status = _run(argv)
    except (LabError, OSError) as error:
        os.write(2, f"lab: {error}\n".encode())
    except KeyboardInterrupt:
        status = 130
    finally:
        os._exit(status)


def _run(argv: Sequence[str]) -> int:
    place, _lock = _take()
    _clear(place)
    command = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL",
         "unshare", "--mount", "--propagation", "private", "--pid", "--mount-proc", "--fork", "--kill-child",
         "sh", "-c", ENTER, "alone", *argv],
        env=os.environ | {"STOPGAP_LAB_PLACE": place}, start_new_session=True,
    )  # fmt: skip
    try:
        return _exit_status(command.wait())
    except KeyboardInterrupt:
        os.killpg(command.pid, signal.SIGINT)  # it is there, at least as a zombie
        with suppress(subprocess.TimeoutExpired):
            command.wait(PATIENCE)
        return 130
    finally:
        for number in INTERRUPTIONS:
            signal.signal(number, signal.SIG_IGN)
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:  # the place's first process ends after all others there
                os.wait()
        _clear(place)


def _take() -> tuple[str, socket.socket]:
    """A place that nobody has, and what holds it: a name in the machine's abstract ones, which leaves no file."""
    for number in range(1, MOST + 1):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0stopgap-lab-{number}")
        except OSError:
            lock.close()
            continue
        return f"-{number}", lock
    raise LabError(f"All {MOST} places are taken: end a `scripts/lab alone` first.")


def _clear(place: str) -> None:
    """Remove what lies in the file systems; also what a place of before left that was killed with its keeper."""
    machine.kill_all(place)
    image.remove_tree(state_of(place))


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def _exit_status(code: int) -> int:
    return code if code >= 0 else 128 - code
