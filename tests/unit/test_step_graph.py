"""Steps of one target run side by side where their hosts differ and none needs the other; all else keeps order."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import stopgap
from stopgap.orchestrator.change import RunCommands, command
from stopgap.orchestrator.check import Check, Judgement, Port
from stopgap.orchestrator.facts import Texts
from stopgap.orchestrator.host import CONTROLLER, Host, Scene
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import StepStarted
from stopgap.orchestrator.message import FileRoute, Message, SmtpRoute
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.step_graph import Point, Waits, place_of, waits
from stopgap.orchestrator.runbook import Step
from stopgap.orchestrator.task import Artifact, Collection

from .bench import Bench, outcomes

WEB = Host(name="web", address="203.0.113.10", upstream="edge", spare="spare")
EDGE, SPARE = Host(name="edge", address="10.9.0.1"), Host(name="spare", address="203.0.113.20")
CHANGE = RunCommands(about="it", do=(command("true"),), undo=(command("true"),))
READ = Collection(profile="own", artifacts=(Artifact(id="a", about="A", script="true", deadline=1.0),))


def planned(step: Step, on: Host, **content: Any) -> PlannedStep:
    scene = Scene(target=WEB, on=on, upstream=EDGE, spare=SPARE)
    return PlannedStep(step.id, 1, step, WEB, on, PlannedOutcome.WOULD_CHANGE, scene=scene, **content)


def steps(*these: dict[str, Any]) -> list[Step]:
    text = json.dumps({"name": "Mine", "steps": list(these)})
    return list(stopgap.load_runbook("mine", text=text).steps)


def command_step(name: str, **rest: Any) -> dict[str, Any]:
    done = {"argv": ["true"], "undo": ["true"]}
    return {"id": name, "task": "host.command", "with": done, "on_failure": "continue", **rest}


def graph(*made: PlannedStep) -> Waits:
    return waits([place_of(each.step, [each]) for each in made])


def two(first: dict[str, Any], second: dict[str, Any]) -> tuple[Step, Step]:
    a, b = steps({"id": "a", **command_step("a"), **first}, {"id": "b", **command_step("b"), **second})
    return a, b


CUT = {"task": "traffic.block", "with": {}, "on_failure": "stop"}


def test_contain_waits_for_what_it_hangs_on_and_for_nothing_else() -> None:
    contain = stopgap.load_runbook("contain").steps
    letter = Message(
        key="0" * 64, series="s", about="x", to="noc@example.jp", reply_to="me@example.jp", route=FileRoute(),
        subject="s", text="t",
    )  # fmt: skip
    on = {
        "provider": (CONTROLLER, {"messages": (letter,)}),
        "wire": (EDGE, {"collections": (READ,)}),
        "cut-off": (EDGE, {"changes": (CHANGE,)}),
        "volatile": (WEB, {"collections": (READ,)}),
        "mail": (WEB, {"changes": (CHANGE,)}),
        "page": (SPARE, {"changes": (CHANGE,)}),
        "triage": (WEB, {"collections": (READ,)}),
        "provider-update": (CONTROLLER, {"messages": (letter,)}),
    }
    found = graph(*(planned(step, on[step.id][0], **on[step.id][1]) for step in contain))  # type: ignore[arg-type]
    assert found["wire"] == {"provider": Point.ENDED}
    assert {step for step, waits_for in found.items() if waits_for.get("wire") is Point.MADE} == {*on} - {
        "provider",
        "wire",
    }
    found = {step: {name: point for name, point in each.items() if name != "wire"} for step, each in found.items()}
    assert found["cut-off"] == {}
    assert found["volatile"] == {"cut-off": Point.MADE}
    assert found["mail"] == {"cut-off": Point.ENDED, "volatile": Point.ENDED}
    assert found["page"] == {"cut-off": Point.MADE}
    assert found["triage"] == {"cut-off": Point.MADE, "volatile": Point.ENDED, "mail": Point.MADE}
    assert set(found["provider-update"]) == set(on) - {"provider-update", "wire"}
    assert set(found["provider-update"].values()) == {Point.ENDED}


def test_evidence_of_a_host_that_answers_late_is_taken_while_the_cut_is_proved() -> None:
    cut, look = two(CUT, {"task": "evidence.collect", "with": {}})
    late = planned(look, WEB, when_its_turn_comes=True)
    assert graph(planned(cut, EDGE, changes=(CHANGE,)), late)["b"] == {"a": Point.MADE}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((WEB, {}), (WEB, {}), id="one host"),
        pytest.param((WEB, {}), (EDGE, {}), id="the router changes what reaches the target"),
        pytest.param((WEB, {"on_failure": "stop"}), (SPARE, {}), id="a failure would leave it out"),
        pytest.param((WEB, {"on_failure": "undo"}), (SPARE, {}), id="a failure would take it back"),
        pytest.param((SPARE, {}), (WEB, {"needs": ["a"]}), id="it needs the other"),
        pytest.param((SPARE, {}), (WEB, {"when": "steps.a.changed"}), id="it hangs on the other's result"),
        pytest.param((SPARE, {}), (CONTROLLER, {}), id="the controller's own"),
    ],
)
def test_it_waits(first: tuple[Host, dict[str, Any]], second: tuple[Host, dict[str, Any]]) -> None:
    a, b = two(first[1], second[1])
    made = planned(a, first[0], changes=(CHANGE,)), planned(b, second[0], changes=(CHANGE,))
    assert graph(*made)["b"] == {"a": Point.ENDED}


def test_steps_of_the_spare_and_of_the_target_wait_for_no_one() -> None:
    a, b = two({}, {})
    assert graph(planned(a, WEB, changes=(CHANGE,)), planned(b, SPARE, changes=(CHANGE,)))["b"] == {}
    assert graph(planned(a, SPARE, changes=(CHANGE,)), planned(b, WEB, changes=(CHANGE,)))["b"] == {}


def test_nothing_overtakes_the_cut_wherever_it_acts() -> None:
    a, b = two({**CUT, "on_failure": "continue"}, {})
    assert graph(planned(a, EDGE, changes=(CHANGE,)), planned(b, SPARE, changes=(CHANGE,)))["b"] == {"a": Point.MADE}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"on_failure": "undo"}, SPARE, id="a failed proof takes it back"),
        pytest.param({"retry": {"attempts": 2}}, SPARE, id="it may be made again"),
        pytest.param({}, WEB, id="an intruder who is still connected would watch"),
    ],
)
def test_a_step_waits_for_the_proof_of_the_cut(first: dict[str, Any], second: Host) -> None:
    a, b = two({**CUT, **first}, {})
    made = planned(a, EDGE, changes=(CHANGE,)), planned(b, second, changes=(CHANGE,))
    assert graph(*made)["b"] == {"a": Point.ENDED}


def test_the_cut_waits_for_evidence_that_the_runbook_puts_before_it() -> None:
    a, b = two({"task": "evidence.collect", "with": {}}, CUT)
    assert graph(planned(a, WEB, collections=(READ,)), planned(b, EDGE, changes=(CHANGE,)))["b"] == {"a": Point.ENDED}


@pytest.mark.parametrize(
    "content",
    [
        {"questions": (Question(text="Go on?", reason=""),)},
        {"on_past": True},
        {"checks": (Port(vantage="outside", address="203.0.113.10", port=80, expect="open", steady=60.0),)},
    ],
)
def test_a_step_that_asks_or_watches_keeps_its_place_in_the_line(content: dict[str, Any]) -> None:
    a, b = two({}, {})
    asking, other = planned(a, WEB, **content), planned(b, SPARE, changes=(CHANGE,))
    assert graph(asking, other)["b"] == {"a": Point.ENDED}
    asking, other = planned(b, WEB, **content), planned(a, SPARE, changes=(CHANGE,))
    assert graph(other, asking)["b"] == {"a": Point.ENDED}


def test_ports_are_tried_beside_files_and_after_the_lists_of_the_target() -> None:
    first, outside, files = steps(
        {"id": "first", "task": "evidence.collect", "on_failure": "continue"},
        {"id": "outside", "task": "evidence.outside", "on_failure": "continue"},
        {"id": "files", "task": "evidence.collect"},
    )
    made = planned(first, WEB, collections=(READ,)), planned(outside, EDGE, collections=(READ,))
    found = graph(*made, planned(files, WEB, collections=(READ,)))
    assert found["outside"] == {"first": Point.ENDED}
    assert found["files"] == {"first": Point.ENDED}


@pytest.fixture
def with_spare(bench: Bench) -> Bench:
    hosts = json.loads(bench.inventory.read_text())
    hosts["hosts"]["a"]["spare"] = "b"
    bench.inventory.write_text(json.dumps(hosts))
    return bench


def tool(bench: Bench, name: str, script: str) -> str:
    path = bench.top / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def does(bench: Bench, name: str, script: str, **rest: Any) -> dict[str, Any]:
    done = {"argv": [tool(bench, name, script)], "undo": ["true"]}
    return {"id": name, "task": "host.command", "with": done, "timeout": "60s", "on_failure": "continue", **rest}


def meets(bench: Bench, mine: str, other: str) -> str:
    """Say that it has come, and wait for the other: it ends only if both run at once."""
    return f"touch {bench.files}/{mine}; until [ -e {bench.files}/{other} ]; do sleep 0.05; done"


def test_two_steps_of_different_hosts_meet(with_spare: Bench) -> None:
    one = does(with_spare, "one", meets(with_spare, "1", "2"))
    two = does(with_spare, "two", meets(with_spare, "2", "1"), on="spare")
    status, events = with_spare.run(with_spare.runbook(one, two), "--yes")
    assert (status, outcomes(events)) == (0, {"one": "changed", "two": "changed"})
    assert [each["step"] for each in events[-1]["steps"]] == ["one", "two"]


def test_the_order_of_one_host_holds_beside_another(with_spare: Bench) -> None:
    there = with_spare.files
    one = does(with_spare, "one", f"{meets(with_spare, '1', '3')}; [ ! -e {there}/2 ] && touch {there}/over")
    two = does(with_spare, "two", f"touch {there}/2; [ -e {there}/over ]")
    three = does(with_spare, "three", f"touch {there}/3", on="spare")
    status, events = with_spare.run(with_spare.runbook(one, two, three), "--yes")
    assert (status, outcomes(events)) == (0, dict.fromkeys(["one", "two", "three"], "changed"))
    shown = with_spare.stopgap("show", "last", "--json")[1]
    assert [step["step"] for step in json.loads(shown)["steps"]] == ["one", "two", "three"]


def test_what_a_person_reads_keeps_the_order_of_the_runbook(with_spare: Bench) -> None:
    there = with_spare.files
    one = does(with_spare, "one", f"until [ -e {there}/3 ]; do sleep 0.05; done")
    two = does(with_spare, "two", "true")
    three = does(with_spare, "three", f"touch {there}/3", on="spare")
    runbook = with_spare.runbook(one, two, three)
    status, said, _ = with_spare.stopgap("run", runbook, "-i", str(with_spare.inventory), "-t", "a", "--yes")
    assert status == 0
    heads = [said.index(f"\n{n}  ") for n in (1, 2, 3)]
    assert all(before < after for before, after in pairwise(heads))


def test_a_failure_is_undone_once_no_step_is_running(with_spare: Bench) -> None:
    there = with_spare.files
    spare = does(with_spare, "spare", f"touch {there}/1; until [ -e {there}/2 ]; do sleep 0.05; done", on="spare")
    undo = {"argv": ["rm", f"{there}/1"]}
    spare["with"]["undo"] = undo["argv"]
    fails = does(with_spare, "fails", f"{meets(with_spare, '2', '1')}; exit 1", on_failure="undo")
    status, events = with_spare.run(with_spare.runbook(spare, fails, does(with_spare, "last", "true")), "--yes")
    assert status == 1
    assert outcomes(events) == {"spare": "changed", "fails": "failed", "last": "skipped"}
    assert not (there / "1").exists()
    ended = [e["event"] for e in events if e["event"] in {"step-finished", "undo-intended"}]
    assert ended[:2] == ["step-finished", "step-finished"]


def test_evidence_is_taken_while_what_was_changed_is_still_being_proved(
    with_spare: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof holds once the collection has begun; the collection ends once the proof holds."""
    there = with_spare.files
    waits_for = tool(with_spare, "evidence", meets(with_spare, "taken", "proved"))
    artifact = {
        "id": "own", "about": "A part of a test.", "why": "It is.", "references": ["this test"],
        "volatility": "running", "deadline": "60s", "cap": "1 MiB",
        "reads": [{"kind": "run", "commands": [waits_for]}],
    }  # fmt: skip
    (with_spare.top / "own.yaml").write_text(json.dumps({"artifacts": [artifact]}))
    first = does(with_spare, "first", "true", on_failure="stop")
    look = {
        "id": "look", "task": "evidence.collect",
        "with": {"own": str(with_spare.top / "own.yaml"), "artifacts": ["own"]},
    }  # fmt: skip
    _prove_by(there / "taken", there / "proved", monkeypatch)
    status, events = with_spare.run(with_spare.runbook(first, look), "--yes")
    assert (status, outcomes(events)) == (0, {"first": "changed", "look": "unchanged"})
    order = [(e["event"], e["step"]) for e in events if e["event"] in {"step-started", "step-finished"}]
    assert order.index(("step-started", "look")) < order.index(("step-finished", "first"))


@pytest.mark.parametrize("proved", [True, False], ids=["proved", "not proved"])
def test_the_page_goes_up_while_the_cut_is_proved_and_a_failed_proof_ends_what_was_to_follow_on_the_target(
    with_spare: Bench, monkeypatch: pytest.MonkeyPatch, proved: bool
) -> None:
    """The proof ends once the step on the spare is done."""
    there = with_spare.files
    monkeypatch.setattr(type(tasks()["host.command"]), "contains", True)
    cut = does(with_spare, "cut", f"touch {there}/cut", on_failure="stop")
    page = does(with_spare, "page", f"[ -e {there}/cut ] && touch {there}/page", on="spare")
    mail = does(with_spare, "mail", f"touch {there}/mail")
    _prove_by(there / "page", there / "proved", monkeypatch, of="cut", holds=proved)
    status, events = with_spare.run(with_spare.runbook(cut, page, mail), "--yes")
    ended = {"cut": "changed", "mail": "changed"} if proved else {"cut": "failed", "mail": "skipped"}
    assert (status, outcomes(events)) == (0 if proved else 1, {**ended, "page": "changed"})
    assert (there / "mail").exists() is proved


def test_a_cut_that_is_not_made_leaves_the_page_out(with_spare: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(tasks()["host.command"]), "contains", True)
    cut = does(with_spare, "cut", "exit 1", on_failure="stop")
    page = does(with_spare, "page", f"touch {with_spare.files}/page", on="spare")
    status, events = with_spare.run(with_spare.runbook(cut, page), "--yes")
    assert (status, outcomes(events)) == (1, {"cut": "failed", "page": "skipped"})
    assert not (with_spare.files / "page").exists()


def test_steps_go_on_once_a_collection_beside_them_has_begun(
    with_spare: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(tasks()["evidence.collect"]), "beside", True)
    monkeypatch.setattr(type(tasks()["host.command"]), "contains", True)  # what contains is begun first if it may
    look = {"id": "look", "task": "evidence.collect", "with": {"artifacts": ["clock"]}}
    steps_after = (does(with_spare, "one", "true"), does(with_spare, "two", "true", on="spare"))
    status, events = with_spare.run(with_spare.runbook(look, *steps_after), "--yes")
    assert (status, outcomes(events)) == (0, {"look": "unchanged", "one": "changed", "two": "changed"})


def _prove_by(
    taken: Path, proved: Path, monkeypatch: pytest.MonkeyPatch, *, of: str = "", holds: bool = True
) -> None:
    """Give commands, or the one named `of`, a check that ends once a file is there, and tells by another file."""

    class Taken(Check):
        def describe(self) -> str:
            return "it is taken"

        def reader(self) -> Any:
            return Texts((str(taken),))

        def judge(self, fact: Any) -> Judgement:
            until = time.monotonic() + 60
            while not holds and not taken.exists() and time.monotonic() < until:
                time.sleep(0.05)
            if there := taken.exists():
                proved.touch()
            return Judgement(there and holds, "taken" if there else "not yet")

    check = Taken(vantage="target", patience=60.0 if holds else 0.0)
    monkeypatch.setattr(
        type(tasks()["host.command"]), "checks", lambda _, params, *__: [check] if params.argv[0].endswith(of) else []
    )


def test_records_of_steps_keep_their_numbers(with_spare: Bench) -> None:
    with_spare.run(with_spare.runbook(does(with_spare, "one", "true"), does(with_spare, "two", "true")), "--yes")
    with Journal.open(with_spare.top / "home") as journal:
        history = journal.history(journal.resolve("last"))
        started = [entry.record for entry in history.entries if isinstance(entry.record, StepStarted)]
    assert [(record.step, record.number) for record in started] == [("one", 1), ("two", 2)]


@pytest.mark.parametrize("wire", [pytest.param(True, id="with a capture"), pytest.param(False, id="without one")])
def test_neither_the_cut_of_contain_nor_the_capture_before_it_waits_for_a_letter_on_its_way(wire: bool) -> None:
    contain = [step for step in stopgap.load_runbook("contain").steps if step.id in {"provider", "wire", "cut-off"}]
    letter = Message(
        key="0" * 64, series="s", about="x", to="noc@example.jp", reply_to="me@example.jp", subject="s", text="t",
        route=SmtpRoute(host="mail.example.jp", sender="me@example.jp"),
    )  # fmt: skip
    on = {
        "provider": (planned(contain[0], CONTROLLER, messages=(letter,)),),
        "wire": (planned(contain[1], EDGE, collections=(READ,)),) if wire else (),
        "cut-off": (planned(contain[2], EDGE, changes=(CHANGE,)),),
    }
    found = waits([place_of(step, on[step.id]) for step in contain])
    assert "provider" not in found["wire"]
    assert "provider" not in found["cut-off"]
