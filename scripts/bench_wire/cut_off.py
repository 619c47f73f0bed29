"""From the command to the first packet that no longer arrives."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from bench_wire.place import INVENTORY, STOPGAP, Place, distance, ssh, timed
from bench_wire.probe import Probe
from bench_wire.table import Row

EDGE, WEB = "10.9.0.1", "203.0.113.10"
DROP = (
    "table inet bench { chain cut { type filter hook prerouting priority -400;"
    " ip saddr 203.0.113.10 drop; ip daddr 203.0.113.10 drop;"
    " ip6 saddr 2001:db8:113::10 drop; ip6 daddr 2001:db8:113::10 drop; }; }\n"
)
Begun: TypeAlias = tuple[float, Callable[[], None]]
"""When it began, and what waits for its end."""
CONTAIN = ["run", "contain", "-i", str(INVENTORY), "-t", "web", "-p", "contact=noc@example.jp"]


def measure(place: Place) -> Iterator[Row]:
    """Cold; then after a preview, from the yes, against a connection that is open already; then the whole run."""
    block = place.folder / "block.yaml"
    block.write_text("name: Block\nsteps: [{task: traffic.block}]\n")
    words = ["run", str(block), "-i", str(INVENTORY), "-t", "web"]
    for round_trip in place.round_trips:
        with distance(round_trip):
            cold, bare, kept, beside, told, mastered, whole = [], [], [], [], [], [], []
            for _ in range(place.attempts):
                cold.append(cut(place, lambda: begin([*STOPGAP, *words, "--yes"], place), place.undo))
                bare.append(cut(place, lambda: begin(ssh(EDGE, "nft", "-f", "-"), place, DROP), lift))
                with place.agent():
                    kept.append(cut(place, lambda: begin([*STOPGAP, *words, "--yes"], place), place.undo))
                beside.append(cut(place, lambda: begin(ssh(EDGE, "nft", "-f", "-"), place, DROP), lift))
                told.append(cut(place, lambda: _agreed([*STOPGAP, *words], place), place.undo))
                with _master(place.folder / "master") as options:
                    mastered.append(
                        cut(
                            place,
                            lambda o=options: begin(ssh(EDGE, "nft", "-f", "-", options=o), place, DROP),
                            lift,
                        )
                    )
            target = "≤ 1.0" if round_trip else "≤ 1.5"
            yield Row(f"cold, {round_trip:g} ms", tuple(cold), tuple(bare), target=target)
            yield Row(f"by the agent, {round_trip:g} ms", tuple(kept), tuple(beside), target=target)
            yield Row(f"from the yes, {round_trip:g} ms", tuple(told), tuple(mastered), target="≤ 0.4")
            for _ in range(max(1, place.attempts // 2)):
                whole.append(place.stopgap(*CONTAIN, "--yes"))
                place.undo()
            goal = {0: "≤ 5 s", 50: "≤ 7 s"}.get(round_trip, "")
            yield Row(f"the whole containment, {round_trip:g} ms", tuple(whole), target=goal)


def cut(
    place: Place, starting: Callable[[], tuple[float, Callable[[], None]]], undo_request: Callable[[], object]
) -> float:
    """Give the seconds from the beginning to the first packet lost for good; lifts the block afterwards."""
    with Probe() as probe:
        begun, finish = starting()
        try:
            lost = probe.first_lost(begun + 30)
        except TimeoutError:
            raise SystemExit(f"the host was not cut off:\n{(place.folder / 'said').read_text()}") from None
        finish()
    undo_request()
    return lost - begun


def begin(argv: list[str], place: Place, stdin: str = "") -> Begun:
    begun = time.monotonic()
    with (place.folder / "said").open("wb") as said:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, env=place.environment
        )
    thread = threading.Thread(target=process.communicate, args=(stdin.encode(),))
    thread.start()
    return begun, thread.join


def _agreed(argv: list[str], place: Place) -> Begun:
    """Begin on a terminal, read the preview, say yes; the beginning is the yes."""
    ours, its = pty.openpty()
    process = subprocess.Popen(argv, stdin=its, stdout=its, stderr=its, env=place.environment)
    os.close(its)
    said = b""
    while b"[yes/no]" not in said:
        said += os.read(ours, 65536)
    time.sleep(0.5)  # a person reads
    begun = time.monotonic()
    os.write(ours, b"yes\n")

    def drain() -> None:
        try:
            while os.read(ours, 65536):
                pass
        except OSError:
            pass
        process.wait()
        os.close(ours)

    thread = threading.Thread(target=drain)
    thread.start()
    return begun, thread.join


def lift() -> None:
    timed(ssh(EDGE, "nft", "delete", "table", "inet", "bench"))


@contextmanager
def _master(path: Path) -> Iterator[tuple[str, ...]]:
    control = ("-o", f"ControlPath={path}")
    timed(ssh(EDGE, "-N", "-f", options=("-o", "ControlMaster=yes", "-o", "ControlPersist=60", *control)))
    try:
        yield control
    finally:
        timed(ssh(EDGE, options=("-O", "exit", *control)))
