"""An error of a task's own, or of a reader's or a check's, ends its own step and no other."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from stopgap.orchestrator.facts.file import File
from stopgap.tasks.host.file import HostFile

from .bench import Bench, file, outcomes


def break_down(*_: Any, **__: Any) -> NoReturn:
    raise RecursionError("maximum recursion depth exceeded")


@pytest.mark.parametrize(
    ("kind", "method"), [(HostFile, "plan"), (HostFile, "probe"), (HostFile, "checks"), (File, "parse")]
)
def test_a_step_fails_by_an_error_of_its_own_and_the_rest_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: type, method: str
) -> None:
    steps = [
        file(bench, "before", on_failure="continue"),
        {"id": "after", "task": "host.command", "with": {"argv": ["true"], "reads": True}},
    ]
    monkeypatch.setattr(kind, method, break_down)

    status, events = bench.run(bench.runbook(*steps), "--yes")

    assert status == 1
    assert outcomes(events) == {"before": "failed", "after": "changed"}
    assert "an error of its own: RecursionError" in events[-1]["steps"][0]["reason"]


def test_a_dry_run_says_so_beforehand(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostFile, "plan", break_down)

    status, events = bench.run(bench.runbook(file(bench, "x")), "--dry-run")

    assert (status, outcomes(events)) == (1, {"x": "would-fail"})
