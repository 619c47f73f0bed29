"""A wire on which every frame takes its time: two TAP devices, and a process that carries frames between them.

It stands in for netem, which many kernels lack, and takes the place of the operator's wire to the edge.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from . import namespaces
from .failure import LabError
from .state import STATE
from .topology import BY_NAME, WIRES, Node

WIRE = next(wire for wire in WIRES if wire.left[0] == "operator")
CARRIER = STATE / "carrier.pid"
LONGEST = 10_000.0
"""Milliseconds."""

_TUNSETIFF, _TAP, _NO_HEADER = 0x400454CA, 0x0002, 0x1000
_LARGEST_FRAME = 65536
_AT_ONCE = 64


def stretch(package: Path, round_trip: float) -> None:
    """Let the wire delay every frame by half of `round_trip` milliseconds; raises LabError."""
    if not 0 < round_trip <= LONGEST:
        raise LabError(f"A round trip of {round_trip:g} ms: more than 0 and at most {LONGEST:g} is possible.")
    _cut()
    carrier = subprocess.Popen(
        [sys.executable, "-I", "-S", str(package), "carry", str(round_trip)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert carrier.stdout is not None
    if carrier.stdout.readline() != b"up\n":
        _plug_in()
        raise LabError("The delayed wire did not come up: /dev/net/tun has to be there.")
    CARRIER.write_text(str(carrier.pid))
    _address()


def restore() -> None:
    """Put the plain wire back."""
    _cut()
    _plug_in()


def carry(round_trip: float) -> None:
    """Carry frames until killed; prints `up` once the devices are there."""
    ends = [_tap(BY_NAME[name], interface) for name, interface in (WIRE.left, WIRE.right)]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    _stay_in(BY_NAME[WIRE.left[0]])
    print("up", flush=True)
    under_way: deque[tuple[float, int, bytes]] = deque()
    delay = round_trip / 2000
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for end in select.select(ends, [], [], wait)[0]:
            for _ in range(_AT_ONCE):
                try:
                    frame = os.read(end, _LARGEST_FRAME)
                except BlockingIOError:
                    break
                under_way.append((time.monotonic() + delay, other[end], frame))
        now = time.monotonic()
        while under_way and under_way[0][0] <= now:
            _, end, frame = under_way.popleft()
            with suppress(OSError):  # a full queue drops, as on any wire
                os.write(end, frame)


def _cut() -> None:
    """Take away whichever wire there is; its interfaces go with it."""
    if CARRIER.exists():
        with suppress(ProcessLookupError):
            os.kill(int(CARRIER.read_text()), signal.SIGKILL)
        CARRIER.unlink()
        return
    name, interface = WIRE.left
    with namespaces.entered(BY_NAME[name]):
        subprocess.run(["ip", "link", "delete", interface], check=True)


def _plug_in() -> None:
    deadline = time.monotonic() + 5
    while any(_there(name, interface) for name, interface in (WIRE.left, WIRE.right)):
        if time.monotonic() > deadline:
            raise LabError("The old wire does not go away.")
        time.sleep(0.01)
    namespaces.lay(WIRE)
    _address()


def _address() -> None:
    for name, interface in (WIRE.left, WIRE.right):
        namespaces.set_port(BY_NAME[name], interface, plugged=True)


def _there(name: str, interface: str) -> bool:
    with namespaces.entered(BY_NAME[name]):
        return subprocess.run(["ip", "link", "show", interface], capture_output=True).returncode == 0


def _tap(node: Node, interface: str) -> int:
    with namespaces.entered(node):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), _TAP | _NO_HEADER))
        subprocess.run(["ip", "link", "set", interface, "up"], check=True)
    return end


def _stay_in(node: Node) -> None:
    """Live in a namespace of the lab, so that `down` finds and ends this process."""
    namespace = os.open(namespaces.NAMESPACES / node.namespace, os.O_RDONLY)
    namespaces.enter(namespace)
    os.close(namespace)
