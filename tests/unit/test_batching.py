"""Steps that are made in one exchange look, afterwards, as if each had had its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.journal import Entry
from stopgap.orchestrator.journal.records import ChangeIntended
from stopgap.orchestrator.run.events import EventObserver
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.runner import Runner

from .bench import Bench, outcomes


def files(bench: Bench, *names: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": Path(n).name, "task": "host.file", "with": {"path": str(bench.files / n), "content": n}, **more}
        for n in names
    ]


def test_each_step_has_its_outcome_its_changes_and_its_undo(bench: Bench) -> None:
    (bench.files / "b").write_text("b")
    status, events = bench.run(bench.runbook(*files(bench, "a", "b", "c")), "--yes")
    assert status == 0
    assert outcomes(events) == {"a": "changed", "b": "unchanged", "c": "changed"}
    assert bench.stopgap("undo", "last", "--step", "c", "--yes")[0] == 0
    assert sorted(p.name for p in bench.files.iterdir()) == ["a", "b"]
    assert bench.stopgap("verify", "last")[0] == 0


def test_a_failure_leaves_out_what_follows_and_says_why(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.files / "below").mkdir()
    runbook = bench.runbook(*files(bench, "a", "below/b", "c", "d"))
    take_away_once_intended(bench.files / "below", monkeypatch)
    status, events = bench.run(runbook, "--yes")
    assert status == 1
    assert outcomes(events) == {"a": "changed", "b": "failed", "c": "skipped", "d": "skipped"}
    assert [s["reason"] for s in events[-1]["steps"]][2:] == ["b failed", "b failed"]
    assert sorted(p.name for p in bench.files.iterdir()) == ["a"]


def test_what_drifted_is_refused_and_nothing_after_it_is_begun(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runbook = bench.runbook(*files(bench, "a", "b", "c"))
    at_first_intent(lambda: (bench.files / "b").write_text("somebody else's"), monkeypatch)
    status, events = bench.run(runbook, "--yes")
    assert status == 4
    assert outcomes(events) == {"a": "changed", "b": "refused", "c": "skipped"}
    assert (bench.files / "b").read_text() == "somebody else's"


def test_an_interruption_lets_the_step_under_way_end_and_begins_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Interruption] = []
    made = Runner.run
    with monkeypatch.context() as patch:
        patch.setattr(Runner, "run", lambda self, *a, **k: asked.append(self.interruption) or made(self, *a, **k))
        at_first_intent(lambda: [each.request() for each in asked], patch)
        status, events = bench.run(bench.runbook(*files(bench, "a", "b", "c")), "--yes")
    assert status == 130
    assert outcomes(events) == {"a": "changed", "b": "skipped", "c": "skipped"}
    assert [p.name for p in bench.files.iterdir()] == ["a"]
    assert bench.stopgap("resume", "last", "--yes")[0] == 0
    assert sorted(p.name for p in bench.files.iterdir()) == ["a", "b", "c"]


def take_away_once_intended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_first_intent(folder.rmdir, monkeypatch)


def at_first_intent(act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Act when the intents are on disk and the host has heard of none."""
    told: list[str] = []
    recorded = EventObserver.recorded

    def acting(self: EventObserver, run: str, entry: Entry) -> None:
        if isinstance(entry.record, ChangeIntended) and not told:
            told.append(run)
            act()
        recorded(self, run, entry)

    monkeypatch.setattr(EventObserver, "recorded", acting)
