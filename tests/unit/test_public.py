"""`import stopgap`: the public names, from a program's side of the door."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

import stopgap

from .bench import Bench, file

CONTACTS = {
    "contact": {"type": "email"},
    "networks": {"type": "networks", "default": []},
    "time": {"type": "duration"},
}


@pytest.fixture
def hosts(bench: Bench) -> stopgap.Inventory:
    return stopgap.load_inventory(bench.inventory)


def runbook(bench: Bench, **rest: Any) -> stopgap.Runbook:
    return stopgap.load_runbook(bench.runbook(file(bench, "one"), **rest))


def test_every_public_name_is_there_and_documented() -> None:
    for name in stopgap.__all__:
        assert getattr(stopgap, name).__doc__
    assert set(stopgap.__all__) <= set(dir(stopgap))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        stopgap.nothing  # noqa: B018


def test_the_name_alone_imports_nothing_of_the_engine() -> None:
    code = "import stopgap, sys; print(*[m for m in sys.modules if m.startswith('stopgap.')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


def test_a_plan_is_looked_at_then_run(bench: Bench, hosts: stopgap.Inventory) -> None:
    planned = stopgap.plan(runbook(bench), hosts, targets=["a"])
    assert [step.outcome for step in planned.steps] == ["would-change"]
    assert planned.changes == 1
    assert not (bench.files / "one").exists()
    seen: list[str] = []
    result = stopgap.run(planned, on_event=lambda event: seen.append(event["event"]))
    assert (result.exit_code, result.outcome) == (0, "ok")
    assert (bench.files / "one").read_text() == "new\n"
    assert (seen[0], seen[-1]) == ("step-planned", "run-finished")


def test_every_event_has_a_schema_a_version_and_a_time(bench: Bench, hosts: stopgap.Inventory) -> None:
    events: list[Any] = []
    stopgap.run(stopgap.plan(runbook(bench), hosts, targets=["a"]), on_event=events.append)
    assert {(event["schema"], event["version"]) for event in events} == {("stopgap.event", 1)}
    assert all(event["time"].endswith("Z") for event in events)


def test_a_plan_that_has_drifted_is_refused_with_both_digests(bench: Bench, hosts: stopgap.Inventory) -> None:
    planned = stopgap.plan(runbook(bench), hosts, targets=["a"])
    (bench.files / "one").write_text("somebody else's\n")
    with pytest.raises(stopgap.DriftedError, match="the plan has drifted") as drifted:
        stopgap.run(planned)
    assert drifted.value.saved == planned.digest != drifted.value.found
    assert (bench.files / "one").read_text() == "somebody else's\n"


def test_parameters_are_typed_values_or_words_of_the_command_line(bench: Bench, hosts: stopgap.Inventory) -> None:
    typed = {"contact": "a@example.org", "networks": [ip_network("192.0.2.0/24")], "time": timedelta(hours=72)}
    words = {"contact": "a@example.org", "networks": "192.0.2.0/24", "time": "72h"}
    made = [
        stopgap.plan(runbook(bench, params=CONTACTS), hosts, targets=["a"], params=params).order.params
        for params in (typed, words)
    ]
    assert made[0] == made[1]


def test_every_error_is_a_stopgap_error_with_the_exit_status_of_the_command(
    bench: Bench, hosts: stopgap.Inventory
) -> None:
    wrong = [
        lambda: stopgap.load_runbook(bench.top / "none.yaml"),
        lambda: stopgap.load_inventory("none.yaml", text="hosts: []"),
        lambda: stopgap.plan(runbook(bench), hosts, targets=["nobody"]),
        lambda: stopgap.plan(runbook(bench), hosts, targets=[]),
        lambda: stopgap.plan(runbook(bench), hosts, targets="a"),
        lambda: stopgap.plan(runbook(bench, params=CONTACTS), hosts, targets=["a"]),
        lambda: stopgap.plan(runbook(bench), hosts, targets=["a"], params={"unknown": 1}),
    ]
    for call in wrong:
        with pytest.raises(stopgap.Error) as error:
            call()
        assert error.value.exit_code == 2, error.value


def test_a_host_out_of_reach_is_an_outcome_and_no_exception(bench: Bench, hosts: stopgap.Inventory) -> None:
    planned = stopgap.plan(runbook(bench), hosts, targets=["gone"])
    assert [step.outcome for step in planned.steps] == ["unreachable"]
