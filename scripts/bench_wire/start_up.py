"""What the command costs before it does anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench_wire.place import ROOT, Place, timed
from bench_wire.table import Row


def measure(place: Place) -> Iterator[Row]:
    """`--help` against an interpreter that does nothing."""
    times = max(place.attempts, 9)
    stopgap = str(ROOT / ".venv/bin/stopgap")
    env = place.environment
    pairs = [
        (timed([stopgap, "--help"], env=env), timed([sys.executable, "-c", "pass"], env=env)) for _ in range(times)
    ]
    ours, bare = zip(*pairs, strict=True)
    yield Row("stopgap --help / python -c pass", ours, bare, target="≤ 2.5")
