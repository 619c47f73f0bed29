"""Collections that do not go well: tools that hang, output without end, an operator who interrupts."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from orchestrator.evidence.manifest import ManifestItem
from orchestrator.evidence.shelf import open_shelf

from .bench import Bench

ARTIFACT = """\
  - id: {id}
    about: A part of a test.
    why: It behaves as a host may.
    known: this test
    volatility: running
    deadline: {deadline}
    cap: 1 MiB
    reads: [{{kind: {reads}}}]
"""


def own(folder: Path, **reads: tuple[str, float]) -> str:
    """A file with these artifacts, in this order: what each reads, and its deadline."""
    path = folder / "own.yaml"
    artifacts = (ARTIFACT.format(id=name, reads=read, deadline=deadline) for name, (read, deadline) in reads.items())
    path.write_text("artifacts:\n" + "".join(artifacts))
    return str(path)


def step(file: str, *names: str, **rest: object) -> dict[str, object]:
    return {"id": "look", "task": "evidence.collect", "with": {"own": file, "artifacts": list(names), **rest}}


def collected(bench: Bench) -> Path:
    (found,) = (bench.top / "home" / "runs").glob("*/evidence/a/look")
    return found


def items(folder: Path) -> dict[str, ManifestItem]:
    return {item.id: item for item in open_shelf(folder).manifest.items}


@pytest.mark.parametrize("compress", ["never", "always"])
def test_what_hangs_or_has_no_end_costs_its_deadline_or_cap_and_the_rest_comes_whole(
    bench: Bench, compress: str
) -> None:
    tool = bench.top / "tool"
    tool.write_text("#!/bin/sh\necho begun\nkill -STOP $$\n")
    tool.chmod(0o755)
    os.mkfifo(bench.top / "pipe")
    file = own(
        bench.top,
        first=("run, commands: [uname]", 20),
        stopped=(f"run, commands: [{tool}]", 2),
        endless=("run, commands: [yes]", 20),
        pipe=(f"show, paths: [{bench.top}/pipe]", 20),
        last=("run, commands: [uname]", 20),
    )
    names = ("first", "stopped", "endless", "pipe", "last")
    status, events = bench.run(bench.runbook(step(file, *names, compress=compress)), "--yes")
    assert status == 1
    assert "1 of 5 items did not end within their deadlines; what had arrived is kept" in str(events)
    folder = collected(bench)
    found = items(folder)
    assert [found[name].truncated for name in names] == [False, True, True, False, False]
    assert (found["stopped"].exit_status, found["endless"].bytes) == (None, 1 << 20)
    assert "longer than" in found["endless"].truncated_because
    assert "cannot be read" in found["pipe"].stderr
    assert (folder / str(found["last"].file)).read_bytes() == (folder / str(found["first"].file)).read_bytes()
    assert bench.stopgap("verify", str(folder))[0] == 0


def test_an_interrupted_collection_keeps_what_it_has_and_it_can_be_verified(bench: Bench) -> None:
    file = own(
        bench.top,
        first=("run, commands: [uname]", 20),
        long=("run, commands: [sleep 60]", 90),
        never=("run, commands: [uname]", 20),
    )
    runbook = bench.runbook(step(file, "first", "long", "never"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    until = time.monotonic() + 60
    while not list((bench.top / "home").glob("runs/*/evidence/a/look/001-long.txt")):
        assert time.monotonic() < until, run.poll()
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    folder = collected(bench)
    found = items(folder)
    assert [(item.ran, item.truncated) for item in found.values()] == [(True, False), (True, True), (False, True)]
    assert (folder / str(found["first"].file)).read_text().endswith("Linux\n")
    assert bench.stopgap("verify", str(folder))[0] == 0
    assert bench.stopgap("verify", "last")[0] == 0
