"""What the command costs before it does anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench_wire.place import ROOT, Place, timed
from bench_wire.table import Row

COMMANDS = (("--help", "≤ 2"), ("runs", "≤ 6"), ("status", "≤ 6"))


def measure(place: Place) -> Iterator[Row]:
    """Commands that do nothing, or find an empty journal, against an interpreter that does nothing."""
    times = max(place.attempts, 9)
    stopgap = str(ROOT / ".venv/bin/stopgap")
    env = place.environment
    for word, target in COMMANDS:
        pairs = [
            (timed([stopgap, word], env=env), timed([sys.executable, "-c", "pass"], env=env)) for _ in range(times)
        ]
        ours, bare = zip(*pairs, strict=True)
        yield Row(f"stopgap {word} / python -c pass", ours, bare, target=target)
