"""Collecting evidence: seconds, bytes, and processor time on the host, beside a bare `ssh web tar`.

`full` stands beside a tar of the whole system, the others beside one of what somebody takes who has no collector.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench_wire.place import INVENTORY, Place, ssh, timed
from bench_wire.streaming import WEB
from bench_wire.table import Row

SOME = ("/etc", "/home", "/root", "/tmp", "/var/log", "/var/spool/cron", "/var/tmp", "/var/www")
ALL = ("--one-file-system", "/")


def measure(place: Place) -> Iterator[Row]:
    """Each profile as a run of its own, without distance; processor time by the host's own control group."""
    some, whole = _tar(place, SOME), _tar(place, ALL)
    for profile, (bare, beside) in {"volatile": some, "triage": some, "full": whole}.items():
        runbook = place.folder / f"{profile}.yaml"
        runbook.write_text(f"name: Look\nsteps: [{{task: evidence.collect, with: {{profile: {profile}}}}}]\n")
        took, load, size = [], [], 0
        for _ in range(place.attempts):
            before = _processor()
            took.append(place.stopgap("run", str(runbook), "-i", str(INVENTORY), "-t", "web", "--yes"))
            load.append(_processor() - before)
            size = _size(place.folder / "home" / "runs")
        more = f"{size / 1e6:.1f} MB, {median(load):.1f} s of processor time on the host ({beside})"
        yield Row(f"profile {profile}", tuple(took), tuple(bare), more=more)


def _tar(place: Place, what: tuple[str, ...]) -> tuple[list[float], str]:
    """Give the seconds that a bare tar takes, and how large it is and what it costs the host."""
    kept = place.folder / "bare.tar"
    took, load = [], []
    for _ in range(place.attempts):
        before = _processor()
        took.append(timed(["sh", "-c", f'"$@" >{kept} || [ $? = 1 ]', "sh", *ssh(WEB, "tar", "cf", "-", *what)]))
        load.append(_processor() - before)
    return took, f"tar: {kept.stat().st_size / 1e6:.1f} MB, {median(load):.1f} s there"


def _processor() -> float:
    """Give the seconds of processor time that the host has used since it booted."""
    words = ssh(WEB, "cat", "/sys/fs/cgroup/cpu.stat")
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return int(said.split()[1]) / 1e6


def _size(runs: Path) -> int:
    newest = max(runs.glob("*/evidence/*/*/manifest.json"), key=lambda path: path.stat().st_mtime)
    return sum(item["bytes"] for item in json.loads(newest.read_text())["items"])
