"""What a person types: `scripts/bench [--only PART]… [--round-trip MS]… [--attempts N]`."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from bench_wire import (
    curves,
    cut_off,
    drivers,
    eight,
    evidence,
    fleet,
    flows,
    inventories,
    journals,
    peers,
    start_up,
    streaming,
    twenty,
)
from bench_wire.place import LAB, Place
from bench_wire.table import Row, show

PARTS: dict[str, Callable[[Place], Iterator[Row]]] = {
    "start-up": start_up.measure,
    "inventories": inventories.measure,
    "journals": journals.measure,
    "curves": curves.measure,
    "cut-off": cut_off.measure,
    "drivers": drivers.measure,
    "flows": flows.measure,
    "twenty": twenty.measure,
    "eight": eight.measure,
    "streaming": streaming.measure,
    "evidence": evidence.measure,
    "fleet": fleet.measure,
}
WITHOUT_LAB = {"start-up", "curves", "fleet", "inventories", "journals"}


def main(arguments: list[str]) -> int:
    """Measure what is asked for, print a row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; repeatable")
    parser.add_argument("--round-trip", action="append", type=float, metavar="MS", help="default: 0, 50 and 200")
    parser.add_argument(
        "--hosts",
        action="append",
        type=int,
        metavar="N",
        help="default: 1, 20, 200 and 1000",
    )
    parser.add_argument("--attempts", type=int, default=5, help="the median of as many (default 5)")
    parser.add_argument(
        "--peers", action="store_true", help="Ansible with pipelining, Ansible with Mitogen and pyinfra too"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the curves as a picture (SVG)")
    words = parser.parse_args(arguments)
    if words.peers:
        peers.set_up()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was set up is taken down
    print(f"{platform.platform()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start\n")
    parts = words.only or list(PARTS)
    lab = bool({*parts} - WITHOUT_LAB) or words.peers
    with _lab() if lab else nullcontext(), tempfile.TemporaryDirectory() as folder:
        place = Place(
            Path(folder),
            words.attempts,
            words.round_trip or [0, 50, 200],
            words.hosts or [1, 20, 200, 1000],
            words.plot,
        )
        place.compile()
        for part in parts:
            show(part, PARTS[part](place))
        if words.peers:
            show("peers", peers.measure(place), bare="peer")
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    return 0


@contextmanager
def _lab() -> Iterator[None]:
    """Boot the lab, unless it is up; leave it as it was found."""
    found = subprocess.run([LAB, "status"], capture_output=True).returncode == 0
    subprocess.run([LAB, "up"], check=True)
    try:
        yield
    finally:
        if not found:
            subprocess.run([LAB, "down"], check=True)
