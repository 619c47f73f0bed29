"""A target with several upstreams: a step on them is made on all or on none, and its checks come after."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import pytest

from stopgap.orchestrator.check import Port
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.registry import tasks

from .bench import Bench, outcomes


@pytest.fixture
def several(bench: Bench) -> Bench:
    """`web` has the upstreams a and b; `far` has a and one that cannot be reached."""
    inventory = json.loads(bench.inventory.read_text())
    inventory["hosts"]["web"] = {"address": "127.0.0.4", "connection": "local", "upstream": ["a", "b"]}
    inventory["hosts"]["far"] = {"address": "127.0.0.5", "connection": "local", "upstream": ["a", "gone"]}
    bench.inventory.write_text(json.dumps(inventory))
    return bench


def says(bench: Bench, do: str, name: str = "cut", **step: Any) -> dict[str, Any]:
    """A step on the upstreams that does something, and writes down that it was done and taken back."""
    log = bench.files / "log"
    argv, undo = (["sh", "-c", f"{act} && echo {word} >>{log}"] for act, word in ((do, "made"), ("true", "undone")))
    return {"id": name, "task": "host.command", "on": "upstream", "with": {"argv": argv, "undo": undo}, **step}


def log(bench: Bench) -> list[str]:
    path = bench.files / "log"
    return path.read_text().split() if path.exists() else []


def test_a_step_is_made_on_each_and_taken_back_by_its_id(several: Bench) -> None:
    runbook = several.runbook(says(several, "true"))
    _, dry = several.run(runbook, "--dry-run", target="web")
    status, done = several.run(runbook, "--yes", target="web")
    assert (status, outcomes(done)) == (0, {"cut@a": "changed", "cut@b": "changed"})
    assert [step["host"] for step in done[-1]["steps"]] == ["a", "b"]
    assert done[-1]["plan_digest"] == dry[-1]["plan_digest"]
    assert log(several) == ["made", "made"]
    assert several.stopgap("undo", "last", "--step", "cut", "--yes")[0] == 0
    assert log(several) == ["made", "made", "undone", "undone"]
    assert (
        "upstream a, b" in several.stopgap("run", runbook, "-i", str(several.inventory), "-t", "web", "--dry-run")[1]
    )


def test_one_of_the_places_can_be_taken_back_alone(several: Bench) -> None:
    several.run(several.runbook(says(several, "true")), "--yes", target="web")
    assert several.stopgap("undo", "last", "--step", "cut@b", "--yes")[0] == 0
    assert log(several) == ["made", "made", "undone"]


def test_where_one_is_out_of_reach_nothing_is_made_on_the_other_and_the_dry_run_says_so(several: Bench) -> None:
    file = {"path": str(several.files / "x"), "content": "x"}
    runbook = several.runbook(
        {"id": "cut", "task": "host.file", "on": "upstream", "with": file},
        says(several, "true", "later", on="target"),
    )
    status, dry = several.run(runbook, "--dry-run", target="far")
    assert (status, outcomes(dry)) == (3, {"cut@a": "skipped", "cut@gone": "unreachable", "later": "would-change"})
    reasons = {step["step"]: step["reason"] for step in dry[-1]["steps"]}
    assert reasons["cut@a"] == "gone is unreachable, and it is done on all upstreams or on none"
    status, done = several.run(runbook, "--yes", target="far")
    assert (status, outcomes(done)) == (3, {"cut@a": "skipped", "cut@gone": "unreachable", "later": "skipped"})
    assert list(several.files.iterdir()) == []


def test_one_that_is_lost_meanwhile_has_the_others_taken_back(several: Bench) -> None:
    status, done = several.run(several.runbook(says(several, "true")), "--yes", target="far")
    assert (status, outcomes(done)) == (1, {"cut@a": "failed", "cut@gone": "unreachable"})
    assert log(several) == ["made", "undone"]


def test_what_was_made_on_the_others_is_taken_back_where_one_fails(several: Bench) -> None:
    """Both are this machine, and one alone can make the folder."""
    status, done = several.run(
        several.runbook(says(several, f"mkdir {several.files / 'once'}")), "--yes", target="web"
    )
    assert (status, outcomes(done)) == (1, {"cut@a": "failed", "cut@b": "failed"})
    reasons = sorted(step["reason"] for step in done[-1]["steps"])
    assert reasons[1].startswith("exit status 1: mkdir")
    assert reasons[0].endswith("failed, and this was taken back: it is done on all upstreams or on none")
    assert log(several).count("made") == 1
    assert several.stopgap("status", "--offline")[1] == "Nothing is in force.\n"
    assert "nothing to undo" in several.stopgap("undo", "last", "--yes")[1]


def test_a_task_may_keep_what_holds(several: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(tasks()["host.command"]), "keeps_partial", lambda self, params: True)
    status, done = several.run(several.runbook(says(several, "true")), "--yes", target="far")
    assert (status, outcomes(done)) == (3, {"cut@a": "changed", "cut@gone": "unreachable"})
    assert log(several) == ["made"]
    once = says(several, f"mkdir {several.files / 'once'}")
    status, done = several.run(several.runbook(once), "--yes", target="web")
    assert (status, sorted(outcomes(done).values())) == (1, ["changed", "failed"])
    assert "undone" not in log(several)


def test_each_item_is_made_on_all_of_them(several: Bench) -> None:
    step = says(several, "true", foreach=["one", "two"])
    _, done = several.run(several.runbook(step), "--yes", target="web")
    assert list(outcomes(done)) == ["cut[0]@a", "cut[0]@b", "cut[1]@a", "cut[1]@b"]


def test_the_report_and_the_inventory_name_all_of_them(several: Bench) -> None:
    several.run(several.runbook(says(several, "true")), "--yes", target="web")
    status, text, _ = several.stopgap("report", "last", "--format", "json")
    hosts = {host["name"]: host for host in json.loads(text)["hosts"]}
    assert (status, hosts["web"]["upstream"]) == (0, "a, b")
    assert "upstream     a, b" in several.stopgap("inventory", "-i", str(several.inventory))[1]
    with Journal.open(several.top / "home") as journal:
        history = journal.history(journal.resolve("last"))
    assert history.started.hosts[-2].upstreams == ("a", "b")


@contextmanager
def _knocking() -> Iterator[Port]:
    """Give a look at a port that is open, and should be silent."""
    with socket.create_server(("127.0.0.1", 0)) as open_port:
        address, port = open_port.getsockname()
        yield Port(
            vantage="controller",
            containment=True,
            address=ip_address(address),
            port=port,
            expect="silent",
            patience=0,
        )


def test_what_passes_where_one_failed_is_looked_at_while_the_others_keep_theirs(
    several: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = type(tasks()["host.command"])
    monkeypatch.setattr(task, "keeps_partial", lambda self, params: True)
    monkeypatch.setattr(task, "contains", True)
    with _knocking() as probe_port:
        monkeypatch.setattr(
            task, "checks", lambda self, params, facts, scene: [probe_port] if scene.on.name == "gone" else []
        )
        _, done = several.run(several.runbook(says(several, "true")), "--yes", target="far")
    assert outcomes(done) == {"cut@a": "changed", "cut@gone": "unreachable"}
    assert done[-1]["containment"] == {"far": "partly"}
    seen = [event["seen"] for event in done if event["event"] == "check-judged" and event["holds"] is False]
    assert seen == ["open"]


def test_what_passes_by_a_router_that_is_out_of_reach_is_looked_at_too(
    several: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = type(tasks()["host.file"])
    monkeypatch.setattr(task, "keeps_partial", lambda self, params: True)
    monkeypatch.setattr(task, "contains", True)
    with _knocking() as probe_port:
        monkeypatch.setattr(task, "seen_from_outside", lambda self, params, scene: [probe_port])
        file = {"path": str(several.files / "x"), "content": "x"}
        runbook = several.runbook({"id": "cut", "task": "host.file", "on": "upstream", "with": file})
        _, dry = several.run(runbook, "--dry-run", target="far")
        _, done = several.run(runbook, "--yes", target="far")
    assert outcomes(dry) == {"cut@a": "would-change", "cut@gone": "unreachable"}
    assert outcomes(done) == {"cut@a": "changed", "cut@gone": "unreachable"}
    seen = [event["seen"] for event in done if event["event"] == "check-judged" and event["holds"] is False]
    assert seen == ["open"]
    assert done[-1]["containment"] == {"far": "partly"}


def test_one_that_is_out_of_reach_keeps_neither_the_others_nor_the_next_steps_back_and_the_verdict_says_so(
    several: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = type(tasks()["host.file"])
    monkeypatch.setattr(task, "keeps_partial", lambda self, params: True)
    monkeypatch.setattr(task, "contains", True)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    closed = Port(vantage="controller", containment=True, address=ip_address("127.0.0.1"), port=port, expect="closed")
    monkeypatch.setattr(task, "checks", lambda self, params, facts, scene: [closed])
    file = {"path": str(several.files / "x"), "content": "x"}
    runbook = several.runbook(
        {"id": "cut", "task": "host.file", "on": "upstream", "with": file},
        {**says(several, "true", "later", on="target"), "needs": ["cut"]},
    )
    _, dry = several.run(runbook, "--dry-run", target="far")
    planned = {event["step"]: event["gaps"] for event in dry if event["event"] == "step-planned"}
    assert "far is not cut off at gone: " in planned["cut@gone"][0]
    status, done = several.run(runbook, "--yes", target="far")
    assert (status, outcomes(done)) == (3, {"cut@a": "changed", "cut@gone": "unreachable", "later": "changed"})
    assert done[-1]["containment"] == {"far": "partly"}
    gaps = {event["step"]: event["gaps"] for event in done if event["event"] == "step-finished"}
    assert gaps["cut@gone"] == planned["cut@gone"]


def test_nothing_follows_where_none_of_them_could_be_cut(several: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(tasks()["host.command"]), "keeps_partial", lambda self, params: True)
    runbook = several.runbook(says(several, "false"), says(several, "true", "later", on="target"))
    _, done = several.run(runbook, "--yes", target="far")
    assert outcomes(done) == {"cut@a": "failed", "cut@gone": "unreachable", "later": "skipped"}
