"""What an inventory costs in processor time, by the number of its hosts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench_wire.place import ROOT, Place
from bench_wire.table import Row

SIZES = (100, 1_000, 5_000, 50_000)
_TARGETS = {5_000: ("≤ 1.5 s", "≤ 4 s")}


def measure(place: Place) -> Iterator[Row]:
    """`check` of one host and of all, with an own file and with Ansible's; `ansible-inventory` for the same hosts."""
    stopgap = str(ROOT / ".venv/bin/stopgap")
    foreign = str(Path(sys.executable).with_name("ansible-inventory"))
    for size in SIZES:
        own, ini = own_inventory(place.folder, size), _ini(place.folder, size)
        one, everything = _TARGETS.get(size, ("", ""))
        for what, words, target in (
            (f"check, one of {size:,} hosts", ["-i", own, "-t", "web7"], one),
            (f"check, all of {size:,} hosts", ["-i", own, "-t", "all"], everything),
        ):
            yield Row(what, _several(place, [stopgap, "check", "collect", *words]), target=target)
        if size <= 5_000:
            ours = _several(place, [stopgap, "inventory", "-i", ini, "--json"])
            theirs = _several(place, [foreign, "-i", ini, "--list"])
            yield Row(f"Ansible's {size:,} hosts / ansible-inventory", ours, theirs)


def _several(place: Place, words: list[str]) -> tuple[float, ...]:
    return tuple(_processor_time(words, place.environment) for _ in range(place.attempts))


def _processor_time(words: list[str], environment: dict[str, str]) -> float:
    """Return the seconds of processor time of a command and its children; raises RuntimeError where it fails."""
    before = os.times()
    done = subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{words[:3]} ended with {done.returncode}: {done.stderr[-300:]}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def own_inventory(folder: Path, size: int) -> str:
    """Write an inventory of Stopgap's own with as many hosts below one router; return its path."""
    lines = ["hosts:", "  edge: {address: 192.0.2.1, driver: nftables, may_block: [10.0.0.0/8]}"]
    lines += [f"  web{n}: {{address: {_address(n)}, upstream: edge}}" for n in range(size)]
    lines += ["groups:", "  web:", "    hosts:", *(f"      - web{n}" for n in range(size))]
    return _written(folder / f"own{size}.yaml", lines)


def _ini(folder: Path, size: int) -> str:
    lines = ["[web]", *(f"web{n} ansible_host={_address(n)}" for n in range(size))]
    return _written(folder / f"hosts{size}", [*lines, "[web:vars]", "ansible_user=deploy"])


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _written(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return str(path)
