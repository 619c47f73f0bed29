"""One point: a run that is broken at one boundary, what must be true then, and the way back."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos_points import world
from chaos_points.faults import Faults, install
from chaos_points.process import STOPGAP, stopgap
from chaos_points.scenarios import FIRST, INCIDENT, NOTE, PAPER, Scenario, collection
from stopgap.orchestrator.journal import History, Journal

PATIENCE = 15.0
DENSITY = {
    "kill": 1,
    "twice": 4,
    "term": 5,
    "int": 5,
    "hup": 5,
    "full": 4,
    "host": 4,
    "second": 6,
    "cut": 3,
    "ahead": 9,
    "back": 9,
}
"""Faults, and how many boundaries lie between two points of each; kill strikes at each."""
ALWAYS = (
    ("full", "before fsync report.html"),
    ("kill", "before rename report.html"),
    ("kill", "before fsync findings.json"),
    ("kill", "after rename findings.json"),
    ("full", "before fsync findings.json"),
    ("full", "before fsync incident.html"),
    ("kill", "before rename incident.html"),
)
"""Boundaries that are struck at in every scenario that has them, and first; a disk is full a little before."""
MEANINGS = {
    "kill": "kill -9",
    "twice": "kill -9, and kill -9 once more on the way back",
    "term": "SIGTERM",
    "int": "SIGINT",
    "hup": "SIGHUP",
    "full": "the controller's disk is full from there on",
    "host": "the disks of target and spare are full from there on",
    "second": "another operator, with a state folder of his own, runs the same to its end",
    "cut": "every connection is cut",
    "ahead": "the journal's clock jumps 400 days ahead",
    "back": "the journal's clock jumps 400 days back",
}


@dataclass
class Point:
    """What came of a point; empty lists are as it should be."""

    scenario: str
    at: int
    do: str
    way: str = ""
    boundary: str = ""
    struck: bool = False
    lost: list[str] = field(default_factory=list)
    """Hosts that are different, and no journal knows."""
    refused: list[str] = field(default_factory=list)
    """Configuration that its daemon would refuse."""
    stuck: list[str] = field(default_factory=list)
    """Why it did not converge."""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give it for a line of the log."""
        return asdict(self)


def name_processes(folder: Path) -> None:
    """Collect, once, the evidence that says which processes are an intruder's, into `folder`/evidence."""
    done = stopgap(folder / "home", "run", *collection(folder), "--yes")
    assert done.returncode == 0, f"the evidence cannot be collected:\n{done.stdout}{done.stderr}"
    (found,) = (folder / "home").glob("runs/*/evidence/web/volatile")
    found.rename(folder / "evidence")


def boundaries(scenario: Scenario, baseline: dict[str, str]) -> list[str]:
    """Run it whole, name every boundary on the way, and undo it."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as top, _homes() as homes:
        log = Path(top) / "log"
        _first(scenario, homes[0])
        done = _broken(scenario, Faults(-1, "none", log), homes[0])
        assert done.returncode == 0, f"{scenario.name} does not even run unbroken:\n{done.stdout}{done.stderr}"
        point = Point(scenario.name, -1, "none", "undo")
        _recover(scenario, point, homes, baseline)
        assert not point.stuck, point.stuck
        return log.read_text().splitlines()


def strike(scenario: Scenario, at: int, do: str, way: str, baseline: dict[str, str]) -> Point:
    """Break it there, look, go back; the hosts are as before when it returns, unless it says that they are stuck."""
    point = Point(scenario.name, at, do, way)
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as top,
        _homes(small=do == "full") as homes,
        ExitStack() as disks,
    ):
        command: list[str] = []
        if do == "host":
            command = disks.enter_context(world.small_disks())
        _first(scenario, homes[0])
        before = world.snapshot() if scenario.first else baseline
        if do == "second":
            command = ["env", f"STOPGAP_HOME={homes[1]}", STOPGAP, "run", *_words(scenario, homes[0]), "--yes"]
        log = Path(top) / "log"
        done = _broken(scenario, Faults(at, do, log, command), homes[0])
        reached = log.read_text().splitlines() if log.exists() else []
        point.boundary, point.struck = (reached[at], True) if at < len(reached) else ("", False)
        point.stuck += _crash(done)
        if do == "full":
            (homes[0] / "filler").unlink(missing_ok=True)
            subprocess.run(["mount", "-o", "remount,size=256m", homes[0]], check=True)
        world.free_small_disks()
        others = [history for home in homes[1:] for history in _histories(home)]
        known = _known(_histories(homes[0]), begins=bool(scenario.first)) | _known(others, begins=False)
        point.lost = sorted(world.differing(before) - known)
        point.refused = world.refused()
        _recover(scenario, point, homes, baseline)
    return point


def _recover(scenario: Scenario, point: Point, homes: list[Path], baseline: dict[str, str]) -> None:
    """Go the point's way, and see where it leads: everything is undone in the end."""
    if scenario.papers:
        _write_again(scenario, point, homes[0])
        return
    runs = [history.run for history in _histories(homes[0])]
    begun = len(runs) > bool(scenario.first)
    if begun and point.do == "twice":
        _broken_again(point, homes[0], runs[-1])
    if begun and point.way == "resume":
        resumed = stopgap(homes[0], "resume", runs[-1], "--yes")
        cuts = [c for home in homes for h in _histories(home) for c in h.containment]
        point.stuck += _crash(resumed)
        if resumed.returncode:
            point.stuck.append(f"resume gave {resumed.returncode}: {(resumed.stdout + resumed.stderr)[-300:]}")
        elif scenario.contains and not any(c.verdict == "contained" for c in cuts):
            point.stuck.append("resume did not contain it")
    latest_first = [(home, h.run) for home in homes for h in reversed(_histories(home))]
    if scenario.first and runs:  # that one is below what either operator did
        latest_first.append(latest_first.pop(latest_first.index((homes[0], runs[0]))))
    for home, run in latest_first:
        undone = stopgap(home, "undo", run, "--yes")
        point.stuck += _crash(undone)
        if undone.returncode:
            point.stuck.append(f"undo gave {undone.returncode}: {(undone.stdout + undone.stderr)[-300:]}")
    different = world.differing(baseline, patience=PATIENCE)
    if different:
        point.stuck.append(f"not as before: {', '.join(sorted(different))}")
        for home, run in latest_first:
            stopgap(home, "undo", run, "--yes", "--force")
    point.stuck += world.left_behind()
    for home, run in latest_first:
        verified = stopgap(home, "verify", run)
        if verified.returncode and "broken off" not in verified.stdout:
            point.stuck.append(f"verify: {verified.stdout[-200:]}")


def _broken_again(point: Point, home: Path, run: str) -> None:
    """Kill the way back too, half as far on."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as top:
        faults = Faults(point.at // 2, "kill", Path(top) / "log")
        point.stuck += _crash(stopgap(home, point.way, run, "--yes", before=lambda: install(faults)))


def _write_again(scenario: Scenario, point: Point, home: Path) -> None:
    """Give the commands once more, and see that all is there and whole: what was there already may be told so."""
    for words in scenario.commands(home):
        done = stopgap(home, *words)
        point.stuck += _crash(done)
        if done.returncode and "already" not in done.stdout + done.stderr:
            point.stuck.append(f"{' '.join(words[:2])} gave {done.returncode}: {done.stderr[-300:]}")
    shown = stopgap(home, "incident", "show", "--incident", INCIDENT).stdout
    point.stuck += [f"incident show lacks {word!r}" for word in (NOTE, "closed") if word not in shown]
    paper = home / PAPER
    if not (paper.exists() and paper.read_text().rstrip().endswith("</html>")):
        point.stuck.append(f"{PAPER} is not whole")
    if point.do not in {"kill", "twice"}:
        point.stuck += [f"left behind: {path.name}" for path in home.glob(".*") if not path.is_dir()]


def _known(histories: list[History], *, begins: bool) -> set[str]:
    """Give the hosts that are different by a journal's word; what a scenario begins with is none of it."""
    if not begins:
        # By the clock of a run that thought it was another year, a block may have lapsed: it is known all the same.
        changes = [c for history in histories for c in history.changes]
        return {c.host for c in changes if c.stands or c.unsettled or c.expired or c.state == "failed"}
    first, *others = histories or [None]
    taken_back = [c for c in first.changes if c.state != "done"] if first else []
    return {c.host for c in (*taken_back, *(c for history in others for c in history.changes))}


def _first(scenario: Scenario, home: Path) -> None:
    if scenario.first:
        done = stopgap(home, "run", *scenario.first, "--yes")
        assert done.returncode == 0, f"what comes before {scenario.name} does not run:\n{done.stdout}{done.stderr}"


def _broken(scenario: Scenario, faults: Faults, home: Path) -> subprocess.CompletedProcess[str]:
    if scenario.papers:
        first, *others = scenario.commands(home)
        return stopgap(home, *first, then=others, before=lambda: install(faults))
    return stopgap(home, "run", *_words(scenario, home), "--yes", before=lambda: install(faults))


def _words(scenario: Scenario, home: Path) -> list[str]:
    runs = [history.run for history in _histories(home)] if scenario.first else []
    return [word.replace(FIRST, runs[0]) if runs else word for word in scenario.words]


def _crash(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Give what shows that a process met something that it does not know."""
    told = [line for line in done.stderr.splitlines() if "an error of its own" in line or "Traceback" in line]
    return [f"{done.args[0]}: {line}" for line in told]


def _histories(home: Path) -> list[History]:
    """Every run below a home, the first first."""
    if not (home / "journal.sqlite").exists():
        return []
    with Journal.open(home) as journal:
        return [journal.history(run.id) for run in reversed(journal.runs())]


@contextmanager
def _homes(*, small: bool = False) -> Iterator[list[Path]]:
    """Give the state folders of two operators; `small` puts the first on a disk of its own that is soon full."""
    # The same paths every time: claims outlive their process only for others.
    homes = [Path(tempfile.gettempdir()) / f"chaos-home-{os.getpid()}-{number}" for number in (1, 2)]
    if small:
        homes[0].mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "chaos", homes[0]], check=True)
    try:
        yield homes
    finally:
        if small:
            subprocess.run(["umount", "-l", homes[0]], check=True)
        for home in homes:
            shutil.rmtree(home, ignore_errors=True)
