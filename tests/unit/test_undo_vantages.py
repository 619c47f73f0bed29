"""Undo, resume, status and lift of changes at every vantage; one change that cannot be undone keeps no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.change import RunCommands

from .bench import INSTALLED, Bench, outcomes

VANTAGES = ("target", "upstream", "spare", "controller")


@pytest.fixture
def related(bench: Bench) -> Bench:
    """A bench whose host `a` has an upstream and a spare, each of them this machine."""
    hosts = {
        "a": {"address": "127.0.0.2", "connection": "local", "upstream": "up", "spare": "sp"},
        "up": {"address": "127.0.0.3", "connection": "local"},
        "sp": {"address": "127.0.0.4", "connection": "local"},
    }
    bench.inventory.write_text(json.dumps({"defaults": {"known_hosts": "./known_hosts"}, "hosts": hosts}))
    return bench


def marks(bench: Bench, name: str, on: str, **step: Any) -> dict[str, Any]:
    """Give a step that makes a file and whose undo removes it."""
    path = str(bench.files / name)
    words = {"argv": ["touch", path], "undo": ["rm", "-f", path]}
    return {"id": name, "task": "host.command", "on": on, "with": words, **step}


def made(bench: Bench) -> set[str]:
    return {path.name for path in bench.files.iterdir()}


@pytest.mark.parametrize("on", VANTAGES)
def test_what_was_changed_at_a_vantage_is_undone_there(related: Bench, on: str) -> None:
    reads = {"id": "look", "task": "host.command", "on": on, "with": {"argv": ["true"], "reads": True}}
    status, _ = related.run(
        related.runbook(reads, marks(related, "one", on), marks(related, "two", "target")), "--yes"
    )
    assert (status, made(related)) == (0, {"one", "two"})
    status, out, _ = related.stopgap("status")
    assert status == 0
    assert "read with" not in out
    status, out, err = related.stopgap("undo", "last", "--yes")
    assert (status, made(related)) == (0, set()), out + err
    assert "Nothing is in force." in related.stopgap("status")[1]


def test_a_run_that_only_reads_leaves_nothing_in_force(related: Bench) -> None:
    steps = [
        {"id": f"look-{on}", "task": "host.command", "on": on, "with": {"argv": ["true"], "reads": True}}
        for on in VANTAGES
    ]
    assert related.run(related.runbook(*steps), "--yes")[0] == 0
    assert "Nothing is in force." in related.stopgap("status")[1]
    status, out, _ = related.stopgap("undo", "last", "--yes")
    assert (status, "nothing to undo" in out) == (0, True)


@pytest.mark.parametrize("on", VANTAGES)
def test_a_change_that_nobody_can_undo_is_never_told_as_nothing(related: Bench, on: str) -> None:
    opaque = marks(related, "opaque", on)
    del opaque["with"]["undo"]
    assert related.run(related.runbook(opaque, marks(related, "known", on)), "--yes")[0] == 0
    assert related.stopgap("undo", "last", "--yes")[0] == 1
    assert made(related) == {"opaque"}
    for step in ((), ("--step", "opaque")):
        status, out, _ = related.stopgap("undo", "last", "--yes", *step)
        assert (status, "nobody knows its undo" in out, "nothing to undo" in out) == (1, True, False), out
    status, out, _ = related.stopgap("undo", "last", "--yes", "--step", "known")
    assert (status, "nothing to undo" in out) == (0, True), out


@pytest.mark.parametrize("on", VANTAGES)
def test_a_repeated_step_is_undone_at_every_vantage(related: Bench, on: str) -> None:
    folder = str(related.files)
    words = {"argv": ["touch", folder + "/{{ item }}"], "undo": ["rm", "-f", folder + "/{{ item }}"]}
    step = {"id": "each", "task": "host.command", "on": on, "foreach": ["x", "y"], "with": words}
    assert related.run(related.runbook(step), "--yes")[0] == 0
    assert made(related) == {"x", "y"}
    assert related.stopgap("undo", "last", "--yes", "--step", "each")[0] == 0
    assert made(related) == set()


@pytest.mark.parametrize("on", VANTAGES)
def test_a_failure_takes_back_what_was_changed_at_a_vantage(related: Bench, on: str) -> None:
    fails = {"id": "bad", "task": "host.command", "on_failure": "undo", "with": {"argv": ["false"]}}
    status, _ = related.run(related.runbook(marks(related, "one", on), fails), "--yes")
    assert (status, made(related)) == (1, set())


@pytest.mark.parametrize("on", VANTAGES)
def test_a_later_run_lifts_what_was_changed_at_a_vantage(related: Bench, on: str) -> None:
    _, events = related.run(related.runbook(marks(related, "one", on)), "--yes")
    lift = {"id": "lift", "task": "change.lift", "with": {"runs": [events[-1]["run"]], "step": "one"}}
    status, events = related.run(related.runbook(lift), "--yes")
    assert (status, outcomes(events), made(related)) == (0, {"lift": "changed"}, set()), events


@pytest.mark.parametrize("on", VANTAGES)
def test_a_rollback_timer_at_a_vantage_is_confirmed_and_undone(related: Bench, on: str) -> None:
    step = marks(related, "one", on)
    step["with"]["rollback_timer"] = "60s"
    status, events = related.run(related.runbook(step), "--yes")
    assert (status, outcomes(events)) == (0, {"one": "changed"}), events
    assert related.stopgap("undo", "last", "--yes")[0] == 0
    assert made(related) == set()


def test_a_change_whose_undo_ends_in_an_error_keeps_no_other_from_being_undone(
    related: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [marks(related, name, on) for name, on in zip("wxyz", VANTAGES, strict=True)]
    related.run(related.runbook(*steps), "--yes")
    sound = RunCommands.undo_script

    def broken(self: RunCommands, *, force: bool = False) -> str:
        if self.do[0].argv[-1].endswith("/y"):
            raise LookupError("no such word")
        return sound(self, force=force)

    monkeypatch.setattr(RunCommands, "undo_script", broken)
    status, out, _ = related.stopgap("undo", "last", "--yes")
    assert (status, made(related)) == (1, {"y"})
    assert "y on a: failed: an error of Stopgap's own: LookupError: no such word" in out
    monkeypatch.setattr(RunCommands, "undo_script", sound)
    assert related.stopgap("undo", "last", "--yes")[0] == 0
    assert made(related) == set()


def test_a_change_on_a_host_that_the_run_does_not_list_keeps_no_other_from_being_undone(
    related: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal of another version may name a vantage that this one does not know."""
    from stopgap.orchestrator.journal.history import History

    related.run(related.runbook(marks(related, "one", "spare"), marks(related, "two", "target")), "--yes")
    known = History.hosts.fget
    assert known is not None
    monkeypatch.setattr(History, "hosts", property(lambda self: {n: h for n, h in known(self).items() if n != "sp"}))
    status, out, _ = related.stopgap("undo", "last", "--yes")
    assert (status, made(related)) == (1, {"one"}), out
    assert "one on a: failed" in out


def test_what_is_left_of_a_run_on_the_controller_is_resumed(related: Bench, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    waits = ["sh", "-c", f"touch {related.files}/begun; until [ -e {gate} ]; do sleep 0.1; done"]
    step = {"id": "wait", "task": "host.command", "on": "controller", "with": {"argv": waits, "reads": True}}
    runbook = related.runbook(marks(related, "one", "controller"), step)
    words = ("run", runbook, "-i", str(related.inventory), "-t", "a", "--yes")
    process = related.in_background(*words, program=INSTALLED)
    while not (related.files / "begun").exists():
        assert process.poll() is None, process.communicate()[0]
    process.kill()
    process.communicate()
    gate.touch()
    status, out, err = related.stopgap("resume", "last", "--yes")
    assert status == 0, out + err
    assert related.stopgap("undo", "last", "--yes")[0] == 0
    assert made(related) == {"begun"}


@pytest.mark.parametrize("on", VANTAGES)
def test_what_a_command_made_and_somebody_has_changed_is_left_where_it_can_be_told(related: Bench, on: str) -> None:
    step = marks(related, "one", on)
    step["with"]["stands"] = ["test", "!", "-s", str(related.files / "one")]
    assert related.run(related.runbook(step), "--yes")[0] == 0
    (related.files / "one").write_text("somebody's\n")
    status, out, _ = related.stopgap("undo", "last", "--yes")
    assert (status, "it shows: changed" in out, made(related)) == (4, True, {"one"}), out
    (related.files / "one").write_text("")
    assert related.stopgap("undo", "last", "--yes")[0] == 0
    assert made(related) == set()
