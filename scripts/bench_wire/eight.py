"""Eight changes on one host, against one ssh that runs one script doing the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bench_wire.place import INVENTORY, Place, distance, ssh, timed
from bench_wire.table import Row

WEB = "203.0.113.10"
PATHS = [f"/root/bench-{n}" for n in range(8)]
SCRIPT = "set -e\n" + "".join(f"echo {n} >{p}.new; sync {p}.new; mv {p}.new {p}\n" for n, p in enumerate(PATHS))


def measure(place: Place) -> Iterator[Row]:
    """The run as a whole, from a cold start."""
    runbook = write_runbook(place)
    for round_trip in place.round_trips:
        with distance(round_trip):
            ours, kept, bare = [], [], []
            words = ("run", str(runbook), "-i", str(INVENTORY), "-t", "web", "--yes")
            for _ in range(place.attempts):
                ours.append(place.stopgap(*words))
                place.undo()
                with place.agent():
                    kept.append(place.stopgap(*words))
                place.undo()
                bare.append(timed(ssh(WEB, "sh", "-s"), stdin=SCRIPT))
                timed(ssh(WEB, "rm", "-f", *PATHS))
            target = {0: "≤ 1.8", 50: "≤ 1.15"}.get(round_trip, "")
            yield Row(f"eight steps, {round_trip:g} ms", tuple(ours), tuple(bare), target=target)
            yield Row(f"by the agent, {round_trip:g} ms", tuple(kept), tuple(bare), target=target)


def write_runbook(place: Place) -> Path:
    """Write the runbook of the eight files."""
    runbook = place.folder / "eight.yaml"
    steps = [
        {"id": f"s{n}", "task": "host.file", "with": {"path": p, "content": f"{n}\n"}} for n, p in enumerate(PATHS)
    ]
    runbook.write_text(json.dumps({"name": "Eight files", "steps": steps}))
    return runbook
