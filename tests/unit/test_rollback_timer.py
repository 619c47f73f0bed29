"""A change that may cut the operator off is taken back by the host itself, unless access is confirmed in time."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.change import (
    LOST,
    TAKEN_BACK,
    RunCommands,
    armed,
    command,
    forget,
    rollback_timer_name,
    settle,
)
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import ChangeIntended, ChangeMade, RollbackTimerSettled, StepStarted
from stopgap.tasks.host.command import HostCommand

from .bench import Bench, outcomes

root = pytest.mark.skipif(os.geteuid() != 0, reason="it writes to /run")


def touch(path: Path, **rest: object) -> RunCommands:
    return RunCommands(
        about="touch", do=(command("touch", str(path)),), undo=(command("rm", "-f", str(path)),), **rest  # type: ignore[arg-type]
    )  # fmt: skip


def sh(script: str) -> int:
    return subprocess.run(["sh", "-c", script], timeout=180, capture_output=True).returncode


def wait_until_gone(path: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while path.exists():
        assert time.monotonic() < end, f"{path} is still there"
        time.sleep(0.05)


def test_the_host_takes_the_change_back_when_the_time_is_over(tmp_path: Path) -> None:
    path, folder = tmp_path / "made", str(tmp_path / "run")
    assert sh(armed(touch(path), "x", 1, folder=folder)) == 0
    assert path.exists()
    wait_until_gone(path, 180)
    assert sh(settle("x", folder=folder)) == TAKEN_BACK
    assert sh(forget("x", folder=folder)) == 0
    assert not Path(folder).exists()


def test_a_cancelled_lifeline_never_fires_and_may_be_cancelled_again(tmp_path: Path) -> None:
    path, folder = tmp_path / "made", str(tmp_path / "run")
    sh(armed(touch(path), "x", 1, folder=folder))
    assert [sh(settle("x", folder=folder)) for _ in range(2)] == [0, 0]
    time.sleep(1.5)
    assert path.exists()
    sh(forget("x", folder=folder))
    assert sh(settle("x", folder=folder)) == LOST


def test_a_change_is_not_made_where_its_undo_cannot_be_scheduled(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "made"
    assert sh(armed(touch(path), "x", 1, folder=str(tmp_path / "file"))) == 1
    assert not path.exists()


def test_a_lifeline_needs_an_undo() -> None:
    with pytest.raises(ValueError, match="undo"):
        RunCommands(about="x", do=(command("true"),), undo=None, rollback_timer=1)


def _step(path: Path) -> dict[str, object]:
    words = {"argv": ["touch", str(path)], "undo": ["rm", "-f", str(path)], "rollback_timer": "2s"}
    return {"id": "risky", "task": "host.command", "with": words}


@root
def test_access_that_is_confirmed_keeps_the_change_and_leaves_no_trace(bench: Bench) -> None:
    path = bench.files / "made"
    _, dry, _ = bench.stopgap("run", bench.runbook(_step(path)), "-i", str(bench.inventory), "-t", "a", "--dry-run")
    assert "undo is scheduled on a first, 2 s" in dry
    status, events = bench.run(bench.runbook(_step(path)), "--yes")
    assert (status, outcomes(events)) == (0, {"risky": "changed"})
    settled = [e for e in events if e["event"] == "rollback-timer-settled"]
    assert [e["outcome"] for e in settled] == ["confirmed"]
    time.sleep(2.5)
    assert path.exists()
    assert not list(Path("/run/stopgap").glob(f"*{settled[0]['run']}*"))
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert not path.exists()


@root
@pytest.mark.parametrize("way", ["resume", "undo", "neither"])
def test_a_process_that_died_before_it_confirmed_leaves_no_surprise(bench: Bench, way: str) -> None:
    path = bench.files / "made"
    bench.run(bench.runbook(_step(path)), "--yes")
    with Journal.open(bench.top / "home") as journal:
        first = journal.history(journal.resolve("last"))
        run = journal.begin(first.started)
        place = {"step": "risky", "target": "a"}
        change = first.changes[0].change
        journal.append(
            run,
            StepStarted(**place, host="a", name="risky", task="host.command"),
            ChangeIntended(**place, host="a", index=0, change=change),
        )
        assert sh(armed(change, rollback_timer_name(run, "risky", "a", 0), 2)) == 0
        journal.append(run, ChangeMade(**place, index=0, outcome="done"))
        assert journal.history(run).changes[0].state == "unknown"
    if way == "neither":
        wait_until_gone(path, 180)
        bench.stopgap("resume", run, "--yes")
        with Journal.open(bench.top / "home") as journal:
            settled = [e.record for e in journal.records(run) if isinstance(e.record, RollbackTimerSettled)]
        assert [s.outcome for s in settled] == ["taken-back", "confirmed"]
        assert path.exists()
        return
    status, out, err = bench.stopgap(way, run, "--yes")
    assert status == 0, out + err
    time.sleep(2.5)
    assert path.exists() == (way == "resume")
    assert not list(Path("/run/stopgap").glob(f"*{run}*"))


def _followed(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have the changes of host.command be followed by a script."""
    plan = HostCommand.plan

    def followed(self: HostCommand, *args: Any) -> Iterator[Any]:
        more = {"afterwards": (command("sh", "-c", script),)}
        for item in plan(self, *args):
            yield item.model_copy(update=more) if isinstance(item, RunCommands) else item

    monkeypatch.setattr(HostCommand, "plan", followed)


@root
def test_what_follows_a_change_waits_for_its_timer_to_be_off_and_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _followed(monkeypatch, "echo $(find /run/stopgap -name '*.armed' 2>/dev/null | wc -l) timers are on")
    status, events = bench.run(bench.runbook(_step(bench.files / "made")), "--yes")
    assert (status, outcomes(events)) == (0, {"risky": "changed"})
    (finished,) = [e for e in events if e["event"] == "step-finished"]
    assert finished["reason"] == "0 timers are on"


@root
def test_what_follows_a_change_takes_nothing_back_where_it_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _followed(monkeypatch, "echo no such table >&2; exit 3")
    path = bench.files / "made"
    status, events = bench.run(bench.runbook(_step(path)), "--yes")
    assert (status, outcomes(events)) == (0, {"risky": "changed"})
    (finished,) = [e for e in events if e["event"] == "step-finished"]
    assert finished["reason"] == "it stands; what was to follow failed: exit status 3: no such table"
    assert path.exists()
