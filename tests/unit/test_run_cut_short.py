"""Runs that a signal, a death or a successor cuts short, and what resume and undo make of them."""

import os
import signal
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.change import Activate, command
from stopgap.orchestrator.check import Port
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import ChangeIntended, ChangeMade, StepFinished, StepStarted
from stopgap.orchestrator.registry import tasks

from .bench import INSTALLED, Bench, file


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.05)


def _slow(bench: Bench, seconds: int) -> dict[str, Any]:
    begun = bench.files / "begun"
    argv = ["sh", "-c", f"touch {begun}; sleep {seconds}; rm -f {begun}"]
    return {"id": "slow", "task": "host.command", "with": {"argv": argv, "undo": ["rm", "-f", str(begun)]}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_what_is_under_way_end_and_begins_nothing_more(bench: Bench, number: int) -> None:
    runbook = bench.runbook(file(bench, "one"), _slow(bench, 1), file(bench, "two"))
    process = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    _wait_for(bench.files / "begun")
    process.send_signal(number)
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 130, out
    assert "Traceback" not in out
    assert [p.name for p in bench.files.iterdir()] == ["one"]
    assert "interrupted" in bench.stopgap("show", "last")[1]
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert list(bench.files.iterdir()) == []


def test_a_second_signal_cuts_the_connection_and_the_step_is_unknown(bench: Bench) -> None:
    runbook = bench.runbook(_slow(bench, 120))
    process = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    _wait_for(bench.files / "begun")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 130, out
    assert "unknown" in bench.stopgap("show", "last")[1]
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert list(bench.files.iterdir()) == []


def test_a_run_that_was_killed_is_resumed_or_undone(bench: Bench) -> None:
    runbook = bench.runbook(file(bench, "one"), _slow(bench, 2), file(bench, "two"))
    for way in ("resume", "undo"):
        words = ("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
        process = bench.in_background(*words, program=INSTALLED)
        _wait_for(bench.files / "begun")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(180)
        shown = bench.stopgap("show", "last")[1]
        assert "interrupted" in shown
        assert "unknown" in shown
        status, out, err = bench.stopgap(way, "last", "--yes")
        assert status == 0, out + err
        if way == "resume":
            assert {p.name for p in bench.files.iterdir()} == {"one", "two"}
            assert bench.stopgap("undo", "last", "--yes")[0] == 0
        assert list(bench.files.iterdir()) == []


def test_a_resumed_run_lets_a_daemon_take_up_files_that_it_was_not_told_of(bench: Bench) -> None:
    path, told = bench.files / "one", bench.files / "told"
    runbook = bench.runbook(file(bench, "one"))
    bench.run(runbook, "--yes")
    with Journal.open(bench.top / "home") as journal:
        first = journal.history(journal.resolve("last"))
        run = journal.begin(first.started)
        place = {"step": "one", "target": "a"}
        activate = Activate(about="reload", test=(), take=(command("touch", str(told)),))
        journal.append(
            run,
            StepStarted(**place, host="a", name="one", task="host.file"),
            ChangeIntended(**place, host="a", index=0, change=first.changes[0].change),
            ChangeIntended(**place, host="a", index=1, change=activate),
            ChangeMade(**place, index=0, outcome="done"),
        )
    status, out, err = bench.stopgap("resume", run, "--yes")
    assert status == 0, out + err
    assert told.exists()
    told.unlink()
    assert bench.stopgap("undo", run, "--yes")[0] == 0
    assert (path.exists(), told.exists()) == (False, True)


def test_a_resumed_run_proves_again_what_an_earlier_process_had_cut_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Port(vantage="controller", containment=True, address=ip_address("127.0.0.1"), port=1, expect="closed")
    monkeypatch.setattr(type(tasks()["host.file"]), "contains", True)
    monkeypatch.setattr(type(tasks()["host.file"]), "checks", lambda *_: [looks])
    after = {"id": "after", "task": "host.command", "when": "steps.cut.changed"}
    after |= {"with": {"argv": ["touch", str(bench.files / "after")], "reads": True}}
    bench.run(bench.runbook(file(bench, "cut"), after), "--yes")
    (bench.files / "after").unlink()
    with Journal.open(bench.top / "home") as journal:
        first = journal.history(journal.resolve("last"))
        run = journal.begin(first.started)
        place = {"step": "cut", "target": "a", "host": "a"}
        journal.append(run, StepStarted(**place, name="Cut", task="host.file"))
        journal.append(run, StepFinished(**place, outcome="changed"))
    status, out, err = bench.stopgap("resume", run, "--yes")
    assert status == 0, out + err
    with Journal.open(bench.top / "home") as journal:
        history = journal.history(run)
    assert [c.verdict for c in history.containment] == ["contained"]
    assert (bench.files / "after").exists(), "what the first process had changed still counts as changed"
