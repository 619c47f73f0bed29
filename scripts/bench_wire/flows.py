"""A router whose table of flows is full: how soon a block of many addresses is in force."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench_wire.place import INVENTORY, LAB, STOPGAP, Place
from bench_wire.table import Row

FILL = Path(__file__).with_name("fill_flows.py")
FIRST, HOSTS, FLOWS = 10, 111, 250_000
"""The flows' openers are 203.0.113.10 and the addresses after it; a kernel's usual limit is 262,144 flows."""
SPARED = {20}
"""The lab's spare, which nobody may block."""


def measure(place: Place) -> Iterator[Row]:
    """From the command to the rules confirmed over a fresh connection, then to the step's end; no distance."""
    addresses = [f"203.0.113.{n}" for n in range(FIRST, FIRST + HOSTS) if n not in SPARED]
    step = {"id": "cut", "task": "traffic.block", "with": {"addresses": addresses, "web_to": "drop"}}
    runbook = place.folder / "flows.json"
    runbook.write_text(json.dumps({"name": "Cut many", "steps": [step]}))
    words = [*STOPGAP, "run", str(runbook), "-i", str(INVENTORY), "-t", "web", "--yes", "--json"]
    confirmed, ended, said = [], [], ""
    for _ in range(place.attempts):
        fill = [LAB, "exec", "edge", sys.executable, "-I", FILL]
        subprocess.run(fill, input=f"many {HOSTS} {FLOWS}\n", text=True, check=True)
        begun = time.monotonic()
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=place.environment) as run:
            assert run.stdout
            for line in run.stdout:
                event = json.loads(line)
                if event["event"] == "rollback-timer-settled" and event["outcome"] == "confirmed":
                    confirmed.append(time.monotonic() - begun)
                elif event["event"] == "step-finished":
                    ended.append(time.monotonic() - begun)
                    said = event["reason"]
        place.undo()
    what = f"{len(addresses)} addresses, {FLOWS:,} flows"
    if len(confirmed) < place.attempts:
        raise SystemExit(f"{what}: not confirmed; {said}")
    yield Row(f"{what}: in force", tuple(confirmed), target="≤ 5 s")
    yield Row(f"{what}: forgotten and proved", tuple(ended), more=said)
