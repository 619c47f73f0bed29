"""An undo leaves a service that somebody has changed since, and says so; what is as it was needs no undo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lab
from .operator import Operator

POSTFIX = "postfix.service"


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(lab, tmp_path / "home")
    before = states(lab)
    yield made
    made.undo_all()
    lab.ssh("web", f"systemctl unmask {POSTFIX} postfix@-.service; systemctl enable --now {POSTFIX}")
    assert states(lab) == before


def states(lab: Lab) -> str:
    return lab.read("web", f"systemctl show -p LoadState,ActiveState,UnitFileState {POSTFIX} postfix@-.service")


def step(tmp_path: Path, task: str, **words: object) -> str:
    """Write a runbook of one step; give its path."""
    path = tmp_path / "runbook.yaml"
    path.write_text(json.dumps({"name": "One step", "steps": [{"id": "step", "task": task, "with": words}]}))
    return str(path)


def drifted(operator: Operator) -> str:
    """Undo the last run, which is refused as drift; give what it says."""
    done = operator.stopgap("undo", "last", "--yes")
    assert (done.status, "drifted" in done.out) == (4, True), done.out + done.err
    return done.out


def test_a_mail_server_that_somebody_keeps_stopped_otherwise_is_left(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    assert operator.run(step(tmp_path, "mta.stop"), "-t", "web", "--yes").status == 0
    lab.read("web", f"systemctl unmask {POSTFIX}; systemctl disable {POSTFIX}")
    assert f"{POSTFIX} off stopped" in drifted(operator)
    assert "ActiveState=inactive" in states(lab)
    assert operator.stopgap("undo", "last", "--yes", "--force").status == 0


def test_a_mail_server_that_somebody_has_started_again_needs_no_undo(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    before = states(lab)
    assert operator.run(step(tmp_path, "mta.stop"), "-t", "web", "--yes").status == 0
    lab.read("web", f"systemctl unmask {POSTFIX} postfix@-.service; systemctl start {POSTFIX}")
    assert states(lab) == before
    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert states(lab) == before


def test_a_service_that_somebody_has_masked_since_is_left(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    runbook = step(tmp_path, "host.service", name="postfix", state="stopped")
    assert operator.run(runbook, "-t", "web", "--yes").status == 0
    lab.read("web", f"systemctl mask {POSTFIX}")
    assert f"{POSTFIX} masked stopped" in drifted(operator)
    lab.read("web", f"systemctl unmask {POSTFIX}")
    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert "ActiveState=active" in states(lab)


def test_of_two_runs_that_stop_one_service_the_later_is_undone_first(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    before = states(lab)
    operator.run(step(tmp_path, "host.service", name="postfix", state="stopped"), "-t", "web", "--yes")
    first = operator.stopgap("runs").out.split()[0]
    assert operator.run(step(tmp_path, "mta.stop"), "-t", "web", "--yes").outcomes == {"step": "changed"}
    assert operator.stopgap("undo", first, "--yes").status == 4
    assert operator.stopgap("undo", "last", "--yes").status == 0
    assert operator.stopgap("undo", first, "--yes").status == 0
    assert states(lab) == before
