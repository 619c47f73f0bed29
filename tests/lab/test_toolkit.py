"""A toolkit reads the broken-into host out of its RAM: a tool that lies hides nothing from it, and nothing stays."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..unit.avml import PAGE, avml
from .aftermath import leave
from .conftest import LAB, ROOT, Lab
from .operator import Operator
from .test_findings import OUTSIDE, PLANTED, findings
from .world import overlay

LIAR = """#!/bin/sh
/usr/bin/find "$@" | /usr/bin/grep -v -e fonts
"""
REMAINS = "ls -d /dev/shm/.stopgap-* /run/.stopgap-* /dev/.stopgap-* 2>/dev/null; pgrep -f [t]k_token"


@contextmanager
def lying_find(lab: Lab) -> Iterator[None]:
    """A find that the host meets first, and that leaves out the intruder's kit."""
    path = "/usr/local/sbin/find"
    put = lab.ssh("web", f"cat >{path} && chmod 755 {path}", stdin=LIAR)
    assert put.returncode == 0, put.stderr
    try:
        yield
    finally:
        lab.read("web", f"rm {path}")


def manifest(home: Path, host: str, step: str) -> dict[str, object]:
    (path,) = home.glob(f"runs/*/evidence/{host}/{step}/manifest.json")
    content: dict[str, object] = json.loads(path.read_text())
    return content


@pytest.fixture(scope="module")
def home(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of a run that has collected both profiles, from the host and from its twin, with a toolkit."""
    state = tmp_path_factory.mktemp("state")
    operator = Operator(lab, state)
    lab.read("web", "postqueue -p")
    leave(lab)
    before = overlay("web")
    with lying_find(lab):
        done = operator.run(
            "runbooks/collect.yaml", "-t", "customers", "-p", "toolkit=busybox", *OUTSIDE, "--yes", timeout=400
        )
    assert done.status == 0, done.out + done.err
    assert overlay("web") == before
    return state


def test_a_dry_run_says_what_would_go_into_ram_and_puts_nothing_there(lab: Lab, tmp_path: Path) -> None:
    words = ("run", "runbooks/collect.yaml", "-i", "inventories/lab.yaml", "-t", "web", "-p", "toolkit=busybox")
    dry = Operator(lab, tmp_path).stopgap(*words, "--dry-run")
    assert dry.status == 0, dry.out + dry.err
    assert "goes into the RAM of web while this is read" in " ".join(dry.out.split())
    assert lab.ssh("web", REMAINS).stdout == ""


@pytest.mark.parametrize("what", PLANTED)
def test_what_was_planted_is_found_though_a_tool_lies(home: Path, what: str) -> None:
    rule, shown = PLANTED[what]
    seen = [s["what"] for f in findings(home, "web") if f["id"] == rule for s in f["seen"]]
    assert any(shown in text for text in seen), seen


def test_on_the_clean_twin_nothing_is_found_above_info_the_toolkit_neither(home: Path) -> None:
    loud = [(f["id"], [s["what"] for s in f["seen"]]) for f in findings(home, "neighbour") if f["severity"] != "info"]
    assert loud == []


def test_nothing_of_it_stays(lab: Lab, home: Path) -> None:
    assert lab.ssh("web", REMAINS).stdout == ""


def test_the_manifest_says_what_answered(home: Path) -> None:
    found = manifest(home, "web", "triage")
    assert found["toolkit"]
    items = {item["id"]: item for item in found["items"]}  # type: ignore[attr-defined]
    assert "answered by the toolkit" in items["bodyfile"]["stderr"]
    assert {items["toolkit"]["exit_status"], items["toolkit-removed"]["exit_status"]} == {0}
    failed = {name: item for name, item in items.items() if item["exit_status"] != 0 and not item["truncated"]}
    assert failed == {}


def test_memory_comes_by_a_program_that_leaves_nothing_and_what_kcore_lacks_is_said(lab: Lab, tmp_path: Path) -> None:
    tool = avml(tmp_path / "avml", 2000)
    steps = [
        {"id": name, "task": "evidence.collect", "on_failure": "continue", "with": {"toolkit": "busybox", **given}}
        for name, given in {
            "tool": {"memory": str(tool), "artifacts": ["clock"]},
            "kcore": {"memory": "kcore", "memory_cap": "8 MiB"},
        }.items()
    ]
    (tmp_path / "memory.json").write_text(json.dumps({"name": "Memory", "steps": steps}))
    before = overlay("web")
    done = Operator(lab, tmp_path).run(str(tmp_path / "memory.json"), "-t", "web", "--yes")
    assert overlay("web") == before
    assert done.outcomes["tool"] == "unchanged", done.out + done.err
    assert lab.ssh("web", REMAINS).stdout == ""
    (image,) = tmp_path.glob("runs/*/evidence/web/tool/*-memory-image.lime")
    assert image.read_bytes() == PAGE * 2000
    item = next(i for i in manifest(tmp_path, "web", "kcore")["items"] if i["id"] == "memory-image")  # type: ignore[attr-defined]
    if lab.ssh("web", "test -e /proc/kcore").returncode != 0:
        assert "this kernel has no /proc/kcore" in item["stderr"]
    else:
        assert item["bytes"] == 8 << 20 or "does not open" in item["stderr"]


GATE = "/run/gate-of-a-test"


@contextmanager
def gate(lab: Lab, folder: Path) -> Iterator[Path]:
    """A collection's own artifact that begins to arrive and then waits for as long as the gate is shut.

    The artifact reads a named pipe of the host, whose writer writes something and keeps the pipe open.
    """
    reads = [{"kind": "run", "commands": [f"cat {GATE}"]}]
    artifact = {"id": "gate", "about": "What a named pipe has.", "why": "A test holds the collection there.",
                "references": ["fifo(7)"], "volatility": "times", "deadline": "600s", "reads": reads}  # fmt: skip
    path = folder / "artifacts.yaml"
    path.write_text(json.dumps({"artifacts": [artifact]}))
    writer = f"exec >{GATE}; head -c 300000 /dev/zero | tr '\\0' x; sleep 600"
    lab.read("web", f'mkfifo {GATE} && systemd-run --quiet --collect --unit=gate-of-a-test sh -c "{writer}"')
    try:
        yield path
    finally:
        lab.ssh("web", f"systemctl stop gate-of-a-test; rm -f {GATE}")


def open_gate(lab: Lab) -> None:
    """Let the artifact of the gate end at once when it is read next."""
    lab.read("web", f"systemctl stop gate-of-a-test; rm -f {GATE}; echo open >{GATE}")


def test_after_a_cut_connection_it_is_gone_and_resume_takes_what_is_missing(lab: Lab, tmp_path: Path) -> None:
    names = ["clock", "processes", "gate", "configuration"]
    with gate(lab, tmp_path) as own:
        steps = [{"id": "look", "task": "evidence.collect",
                  "with": {"toolkit": "busybox", "artifacts": names, "own": str(own)}}]  # fmt: skip
        (tmp_path / "look.json").write_text(json.dumps({"name": "Look", "steps": steps}))
        words = ["run", str(tmp_path / "look.json"), "-i", "inventories/lab.yaml", "-t", "web", "--yes"]
        process = subprocess.Popen(
            [LAB, "exec", "operator", "stopgap", *words], cwd=ROOT, env={**os.environ, "STOPGAP_HOME": str(tmp_path)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not any(p.stat().st_size for p in tmp_path.glob("runs/*/evidence/web/look/*-gate.txt")):
                assert process.poll() is None
                time.sleep(0.1)
            assert lab.run("cut", "web").returncode == 0
            assert process.wait(600) == 1
        finally:
            process.kill()
            process.wait()
            lab.run("join", "web")
        open_gate(lab)
        operator = Operator(lab, tmp_path)
        done = operator.stopgap("resume", "last", "--yes", timeout=600)
        assert done.status == 0, done.out + done.err
    cut, whole = manifest(tmp_path, "web", "look"), manifest(tmp_path, "web", "look.2")
    state = {i["id"]: i["truncated"] for i in cut["items"]}  # type: ignore[attr-defined]
    assert state == dict.fromkeys(("toolkit", "processes", "clock"), False) | dict.fromkeys(
        ("gate", "configuration", "toolkit-removed"), True
    )
    earlier = [i["id"] for i in whole["items"] if "earlier" in i]  # type: ignore[attr-defined]
    assert earlier == ["processes"]
    assert operator.stopgap("verify", "last").status == 0
    lab.read("web", "while ls -d /dev/shm/.stopgap-*; do sleep 1; done")
