"""`import stopgap`: the public names, from a program's side of the door."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

import stopgap
from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.run.person import Unattended

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


def test_every_public_function_has_an_example() -> None:
    functions = [value for name in stopgap.__all__ if inspect.isfunction(value := getattr(stopgap, name))]
    assert {function.__name__ for function in functions if ">>> " not in (function.__doc__ or "")} == set()


def test_the_page_on_python_names_every_public_name() -> None:
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    assert [name for name in stopgap.__all__ if f"`{name}" not in page and f"`stopgap.{name}" not in page] == [
        "Host",
        "Inventory",
        "Runbook",
    ]


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


def test_a_run_is_read_looked_at_and_taken_back(bench: Bench, hosts: stopgap.Inventory) -> None:
    result = stopgap.run(stopgap.plan(runbook(bench), hosts, targets=["a"]))
    [run] = stopgap.status().runs
    assert [change.change.describe() for change in run.in_force] == [f"write {bench.files}/one (0644)"]
    assert stopgap.history(result).state == "ok"
    assert stopgap.verify(result).valid
    assert [listed.id for listed in stopgap.runs()] == [result.run]
    events: list[Any] = []
    undone = stopgap.undo(result, on_event=events.append)
    assert (undone.outcome, undone.undone, undone.in_force) == ("ok", 1, ())
    assert events[-1]["event"] == "undo-finished"
    assert not (bench.files / "one").exists()
    assert stopgap.status().runs == ()


def test_one_step_is_taken_back_and_a_step_that_is_not_there_is_an_error(
    bench: Bench, hosts: stopgap.Inventory
) -> None:
    path = bench.runbook(file(bench, "one", on_failure="continue"), file(bench, "two"))
    result = stopgap.run(stopgap.plan(stopgap.load_runbook(path), hosts, targets=["a"]))
    with pytest.raises(stopgap.UsageError, match="has no step three; it has one, two"):
        stopgap.undo(result, step="three")
    undone = stopgap.undo("last", step="one")
    assert [change.step for change in undone.in_force] == ["two"]


def test_an_undo_that_a_person_refuses_is_an_error_and_takes_nothing_back(
    bench: Bench, hosts: stopgap.Inventory
) -> None:
    class Careful(Unattended):
        def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
            return history.started.operator == "somebody else"

    result = stopgap.run(stopgap.plan(runbook(bench), hosts, targets=["a"]))
    with pytest.raises(stopgap.RefusedError, match="nothing was undone"):
        stopgap.undo(result, person=Careful())
    assert (bench.files / "one").exists()


def test_an_undo_leaves_what_somebody_has_changed_unless_forced(bench: Bench, hosts: stopgap.Inventory) -> None:
    result = stopgap.run(stopgap.plan(runbook(bench), hosts, targets=["a"]))
    (bench.files / "one").write_text("somebody else's\n")
    undone = stopgap.undo(result)
    assert ([made.outcome for made in undone.made], undone.exit_code) == (["drifted"], 4)
    assert stopgap.undo(result, force=True).in_force == ()


def test_a_run_that_failed_is_resumed(bench: Bench, hosts: stopgap.Inventory) -> None:
    bad = {"id": "bad", "task": "host.command", "with": {"argv": ["test", "-e", str(bench.files / "there")]}}
    result = stopgap.run(stopgap.plan(stopgap.load_runbook(bench.runbook(bad)), hosts, targets=["a"]))
    assert result.outcome == "failed"
    (bench.files / "there").touch()
    assert stopgap.resume(result).outcome == "ok"
    assert stopgap.resume(result).steps == ()


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
        lambda: stopgap.undo("nothing"),
        lambda: stopgap.resume("nothing"),
        lambda: stopgap.history("nothing"),
        lambda: stopgap.verify("nothing"),
    ]
    for call in wrong:
        with pytest.raises(stopgap.Error) as error:
            call()
        assert error.value.exit_code == 2, error.value


def test_a_host_out_of_reach_is_an_outcome_and_no_exception(bench: Bench, hosts: stopgap.Inventory) -> None:
    planned = stopgap.plan(runbook(bench), hosts, targets=["gone"])
    assert [step.outcome for step in planned.steps] == ["unreachable"]


def test_a_plan_that_a_program_has_saved_is_run_by_the_command_and_another_is_drift(
    bench: Bench, hosts: stopgap.Inventory
) -> None:
    stopgap.plan(runbook(bench), hosts, targets=["a"]).save(bench.top / "plan.json")
    words = ["run", str(bench.top / "runbook.yaml"), "-i", str(bench.inventory), "-t", "a", "--yes", "--plan"]
    (bench.top / "other.json").write_text('{"plan_digest": "0"}')
    assert bench.stopgap(*words, str(bench.top / "other.json"))[0] == 4
    assert not (bench.files / "one").exists()
    assert bench.stopgap(*words, str(bench.top / "plan.json"))[0] == 0
    assert (bench.files / "one").read_text() == "new\n"
    with pytest.raises(stopgap.UsageError, match="was not saved"):
        stopgap.plan(runbook(bench), hosts, targets=["a"]).save(bench.top / "nowhere" / "plan.json")


def test_a_run_belongs_to_an_incident_that_a_program_names(bench: Bench, hosts: stopgap.Inventory) -> None:
    assert bench.stopgap("incident", "open", "flood")[0] == 0
    result = stopgap.run(stopgap.plan(runbook(bench), hosts, targets=["a"], incident="flood"))
    assert stopgap.history(result).started.incident == "flood"
    with pytest.raises(stopgap.JournalError, match="other"):
        stopgap.plan(runbook(bench), hosts, targets=["a"], incident="other")


def test_a_program_stops_a_run_between_two_steps_and_resumes_it(bench: Bench, hosts: stopgap.Inventory) -> None:
    book = stopgap.load_runbook(bench.runbook(file(bench, "one", on_failure="continue"), file(bench, "two")))
    stop = stopgap.Interruption()

    def once(event: Mapping[str, Any]) -> None:
        if event["event"] == "step-finished":
            stop.request()

    result = stopgap.run(stopgap.plan(book, hosts, targets=["a"]), on_event=once, interruption=stop)
    assert (result.outcome, result.exit_code) == ("interrupted", 130)
    assert (bench.files / "one").exists() and not (bench.files / "two").exists()
    assert stopgap.resume(result).outcome == "ok"
    assert (bench.files / "two").exists()
