"""One point: a run that is broken at one boundary, what must be true then, and the way back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from chaos_points import world
from orchestrator.journal import History, Journal

ROOT = Path(__file__).resolve().parents[2]
STOPGAP = str(ROOT / ".venv" / "bin" / "stopgap")
FAULTS = str(Path(__file__).with_name("faults.py"))
PATIENCE = 15.0
TIMEOUT = 180.0


@dataclass(frozen=True)
class Scenario:
    """A runbook with what it is run on."""

    name: str
    words: tuple[str, ...]
    contains: bool = False


@dataclass
class Point:
    """What came of a point; empty lists are as it should be."""

    boundary: str = ""
    struck: bool = False
    way: str = ""
    lost: list[str] = field(default_factory=list)
    """Hosts that are different, and no journal knows."""
    refused: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    """Why it did not converge."""


def scenarios(folder: Path) -> dict[str, Scenario]:
    """The shipped runbooks; contain also without its evidence, which costs most of its time."""
    shipped, inventory = ROOT / "runbooks", ("-i", str(ROOT / "inventories" / "lab.yaml"))
    contact = ("-p", "contact=noc@example.jp")
    lines, keep = [], True
    for line in (shipped / "contain.yaml").read_text().splitlines():
        if line.startswith("  - id: "):
            keep = line.split()[-1] not in {"volatile", "triage"}
        lines += [line] if keep else []
    brief = folder / "contain-brief.yaml"
    brief.write_text("\n".join(lines) + "\n")
    block = ("-p", "addresses=203.0.113.30,2001:db8:113::30")
    return {
        s.name: s
        for s in (
            Scenario("contain-brief", (str(brief), *inventory, "-t", "web", *contact), contains=True),
            Scenario(
                "provider-block", (str(shipped / "provider-block.yaml"), *inventory, "-t", "edge", *block), True
            ),
            Scenario("spare", (str(shipped / "spare.yaml"), *inventory, "-t", "web", *contact)),
            Scenario("contain", (str(shipped / "contain.yaml"), *inventory, "-t", "web", *contact), contains=True),
            Scenario("collect", (str(shipped / "collect.yaml"), *inventory, "-t", "neighbour")),
        )
    }


def boundaries(scenario: Scenario, baseline: dict[str, str]) -> list[str]:
    """Run it whole, name every boundary on the way, and undo it."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as top, _disk() as home:
        log = Path(top) / "log"
        done = _broken(scenario, -1, "kill", home, log)
        assert done.returncode == 0, f"{scenario.name} does not even run unbroken:\n{done.stdout}{done.stderr}"
        point = Point(way="undo")
        _recover(scenario, point, home, baseline)
        assert not point.stuck, point.stuck
        return log.read_text().splitlines()


def strike(scenario: Scenario, at: int, do: str, way: str, baseline: dict[str, str]) -> Point:
    """Break it there, look, go back; the hosts are as before when it returns, unless it says that they are stuck."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as top, _disk(small=do == "full") as home:
        log = Path(top) / "log"
        done = _broken(scenario, at, do, home, log)
        reached = log.read_text().splitlines() if log.exists() else []
        point = Point(reached[at] if at < len(reached) else "", at < len(reached), way)
        if "Traceback" in done.stderr:
            point.stuck.append(done.stderr.strip().splitlines()[-1])
        (home / "filler").unlink(missing_ok=True)
        changes = [c for history in _histories(home) for c in history.changes]
        # By the clock of a run that thought it was another year, a block may have lapsed: it is known all the same.
        known = {c.host for c in changes if c.stands or c.unsettled or c.expired or c.state == "failed"}
        point.lost = sorted(world.differing(baseline) - known)
        point.refused = world.refused()
        _recover(scenario, point, home, baseline)
        return point


def restore(home: Path) -> None:
    """Take back what is left, by force."""
    for history in _histories(home):
        _stopgap(home, "undo", history.run, "--yes", "--force")


def _recover(scenario: Scenario, point: Point, home: Path, baseline: dict[str, str]) -> None:
    runs = [history.run for history in _histories(home)]
    if runs and point.way == "resume":
        resumed = _stopgap(home, "resume", runs[-1], "--yes")
        cuts = [c for h in _histories(home) for c in h.containment]
        if resumed.returncode:
            point.stuck.append(f"resume gave {resumed.returncode}: {(resumed.stdout + resumed.stderr)[-300:]}")
        elif scenario.contains and not (cuts and all(c.verdict == "contained" for c in cuts)):
            point.stuck.append("resume did not contain it")
    for run in runs:
        undone = _stopgap(home, "undo", run, "--yes")
        if undone.returncode:
            point.stuck.append(f"undo gave {undone.returncode}: {(undone.stdout + undone.stderr)[-300:]}")
    different = world.differing(baseline, patience=PATIENCE)
    if different:
        point.stuck.append(f"not as before: {', '.join(sorted(different))}")
        restore(home)
    point.stuck += world.left_behind()
    for run in runs:
        verified = _stopgap(home, "verify", run)
        if verified.returncode and "broken off" not in verified.stdout:
            point.stuck.append(f"verify: {verified.stdout[-200:]}")


def _broken(scenario: Scenario, at: int, do: str, home: Path, log: Path) -> subprocess.CompletedProcess[str]:
    fault = json.dumps({"at": at, "do": do, "log": str(log)})
    return _run(home, sys.executable, FAULTS, fault, "run", *scenario.words, "--yes")


def _stopgap(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return _run(home, STOPGAP, *words)


def _run(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            world.enter("operator", *argv), cwd=ROOT, env=os.environ | {"STOPGAP_HOME": str(home)}, text=True,
            capture_output=True, errors="replace", stdin=subprocess.DEVNULL, timeout=TIMEOUT, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", f"Traceback: still running after {TIMEOUT:.0f} s")


def _histories(home: Path) -> list[History]:
    if not (home / "journal.sqlite").exists():
        return []
    with Journal.open(home) as journal:
        return [journal.history(run.id) for run in reversed(journal.runs())]


class _disk:  # noqa: N801
    """A state folder; `small` puts it on a disk of its own that is soon full."""

    def __init__(self, *, small: bool = False) -> None:
        # The same path every time: it is one operator, whose claims outlive their process only for others.
        self._home, self._small = Path(tempfile.gettempdir()) / f"chaos-home-{os.getpid()}", small

    def __enter__(self) -> Path:
        if self._small:
            self._home.mkdir(mode=0o700)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "chaos", self._home], check=True)
        return self._home

    def __exit__(self, *_: object) -> None:
        if self._small:
            subprocess.run(["umount", "-l", self._home], check=True)
        shutil.rmtree(self._home, ignore_errors=True)
