"""Collections that do not go well: tools that hang, output without end, an operator who interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pyrage
import pytest

from stopgap.orchestrator.evidence.manifest import ManifestItem
from stopgap.orchestrator.evidence.reader import open_collection

from .bench import INSTALLED, Bench

ARTIFACT = """\
  - id: {id}
    about: A part of a test.
    why: It behaves as a host may.
    references: [this test]
    volatility: running
    deadline: {deadline:.0f}ms
    cap: 1 MiB
    reads: [{{kind: {reads}}}]
"""


def own(folder: Path, **reads: tuple[str, float]) -> str:
    """A file with these artifacts, in this order: what each reads, and its deadline."""
    path = folder / "own.yaml"
    artifacts = (
        ARTIFACT.format(id=name, reads=read, deadline=1000 * deadline) for name, (read, deadline) in reads.items()
    )
    path.write_text("artifacts:\n" + "".join(artifacts))
    return str(path)


def step(file: str, *names: str, **rest: object) -> dict[str, object]:
    return {"id": "look", "task": "evidence.collect", "with": {"own": file, "artifacts": list(names), **rest}}


def collected(bench: Bench) -> Path:
    (found,) = (bench.top / "home" / "runs").glob("*/evidence/a/look")
    return found


def items(folder: Path) -> dict[str, ManifestItem]:
    return {item.id: item for item in open_collection(folder).manifest.items}


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


def until_it_holds(bench: Bench, run: subprocess.Popen[str]) -> None:
    """Wait for the first bytes of the item that takes long."""
    until = time.monotonic() + 60
    while not [p for p in (bench.top / "home").glob("runs/*/evidence/a/look/002-long.txt*") if p.stat().st_size]:
        assert time.monotonic() < until, run.poll()
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_cut_keeps_what_it_has_and_is_resumed_without_taking_an_item_twice(
    bench: Bench, how: signal.Signals
) -> None:
    asked, hold = bench.top / "asked", bench.top / "hold"
    hold.touch()
    for name in ("first", "long", "last"):
        tool = bench.top / f"tool-{name}"
        wait = f"[ {name} != long ] || [ ! -e {hold} ] || exec sleep 60"
        tool.write_text(f"#!/bin/sh\necho {name} >> {asked}\necho {name}\n{wait}\n")
        tool.chmod(0o755)
    reads = {name: (f"run, commands: [{bench.top}/tool-{name}]", 90.0) for name in ("first", "long", "last")}
    file = own(bench.top, **reads)
    runbook = bench.runbook(step(file, "clock", *reads))
    words = ("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    run = bench.in_background(*words, program=INSTALLED)
    until_it_holds(bench, run)
    run.send_signal(how)
    assert run.wait(60) == (130 if how == signal.SIGINT else -9)
    folder = collected(bench)
    if how == signal.SIGKILL:
        status, said, _ = bench.stopgap("verify", "last")
        assert status == 1
        assert "broken off, not in the journal yet: `stopgap resume" in said
        assert "resume" in bench.stopgap("verify", str(folder))[1]
    hold.unlink()
    status, said, _ = bench.stopgap("resume", "last", "--yes")
    assert status == 0, said
    assert "4 items, 1 of them taken before" in said
    assert asked.read_text().split() == ["first", "long", "long", "last"]

    cut, whole = items(folder), items(folder.with_name("look.2"))
    assert [(item.ran, item.truncated) for item in cut.values()] == [
        (True, False), (True, False), (True, True), (False, True),
    ]  # fmt: skip
    assert (folder / str(cut["long"].file)).read_text().endswith("long\n")
    assert [item.truncated for item in whole.values()] == [False] * 4
    assert whole["first"].earlier
    assert whole["first"].earlier.folder == "look"
    assert whole["first"].started == cut["first"].started
    assert not whole["clock"].earlier
    for each in (folder, folder.with_name("look.2")):
        assert bench.stopgap("verify", str(each))[0] == 0
        assert sorted(p.name for p in each.iterdir() if p.suffix == ".json") == ["findings.json", "manifest.json"]
    assert bench.stopgap("verify", "last")[0] == 0


def test_an_item_that_was_changed_since_is_asked_for_again(bench: Bench) -> None:
    hold = bench.top / "hold"
    hold.touch()
    tool = bench.top / "tool-long"
    tool.write_text(f"#!/bin/sh\necho begun\n[ ! -e {hold} ] || exec sleep 60\n")
    tool.chmod(0o755)
    file = own(bench.top, first=("run, commands: [uname]", 20), long=(f"run, commands: [{tool}]", 90))
    run = bench.in_background(
        "run", bench.runbook(step(file, "clock", "first", "long")), "-i", str(bench.inventory), "-t", "a", "--yes"
    )
    until_it_holds(bench, run)
    run.kill()
    run.wait()
    (collected(bench) / "001-first.txt").write_text("another\n")
    hold.unlink()
    assert bench.stopgap("resume", "last", "--yes")[0] == 0
    cut, whole = items(collected(bench)), items(collected(bench).with_name("look.2"))
    assert (cut["first"].truncated_because, whole["first"].earlier) == ("what lies on disk is not what arrived", None)
    assert "Linux" in (collected(bench).with_name("look.2") / str(whole["first"].file)).read_text()
    assert bench.stopgap("verify", "last")[0] == 0


def test_what_was_cut_while_it_was_encrypted_stays_so_and_the_rest_can_be_decrypted(bench: Bench) -> None:
    identity = pyrage.x25519.Identity.generate()
    (bench.top / "key").write_text(f"{identity}\n")
    tool = bench.top / "tool-long"
    tool.write_text("#!/bin/sh\nhead -c 300000 /dev/zero\nexec sleep 60\n")  # age writes 64 KiB at a time
    tool.chmod(0o755)
    file = own(bench.top, first=("run, commands: [uname]", 20), long=(f"run, commands: [{tool}]", 90))
    age = ("--age", str(identity.to_public()))
    run = bench.in_background(
        "run",
        bench.runbook(step(file, "clock", "first", "long")),
        "-i",
        str(bench.inventory),
        "-t",
        "a",
        "--yes",
        *age,
    )
    until_it_holds(bench, run)
    run.kill()
    run.wait()
    tool.write_text("#!/bin/sh\necho whole\n")
    assert bench.stopgap("resume", "last", "--yes", *age)[0] == 0
    assert bench.stopgap("verify", "last")[0] == 0
    folder = collected(bench)
    assert (items(folder)["long"].file, items(folder)["long"].truncated) == ("002-long.txt.age", True)
    for each in (folder, folder.with_name("look.2")):
        out = bench.top / f"opened-{each.name}"
        assert bench.stopgap("evidence", "decrypt", str(each), "-i", str(bench.top / "key"), "-o", str(out))[0] == 0
        assert "Linux" in (out / "a" / each.name / "001-first.txt").read_text()
        assert bench.stopgap("verify", str(out))[0] == 0
