"""Runs from the command line to the files they change, on hosts that are this machine."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.registry import tasks

from .bench import Bench, file, outcomes


def fails(name: str = "bad", **step: Any) -> dict[str, Any]:
    return {"id": name, "task": "host.command", "with": {"argv": ["sh", "-c", "echo why not >&2; exit 3"]}, **step}


def test_a_dry_run_writes_nothing_and_its_digest_is_the_runs(bench: Bench) -> None:
    runbook = bench.runbook(file(bench, "one"), file(bench, "two"))
    status, dry = bench.run(runbook, "--dry-run")
    assert (status, outcomes(dry)) == (0, {"one": "would-change", "two": "would-change"})
    assert list(bench.files.iterdir()) == []
    status, done = bench.run(runbook, "--yes")
    assert (status, outcomes(done)) == (0, {"one": "changed", "two": "changed"})
    assert {p.name: p.read_text() for p in bench.files.iterdir()} == {"one": "new\n", "two": "new\n"}
    assert done[-1]["plan_digest"] == dry[-1]["plan_digest"]


def test_a_dry_run_starts_no_command_not_even_one_that_is_said_to_read(bench: Bench) -> None:
    touch = ["touch", str(bench.files / "ran")]
    steps = [{"id": "x", "task": "host.command", "with": {"argv": touch, "reads": True}}]
    status, _ = bench.run(bench.runbook(*steps), "--dry-run")
    assert status == 0
    assert list(bench.files.iterdir()) == []


def test_the_second_run_changes_nothing_and_has_the_digest_of_a_dry_run_before_it(bench: Bench) -> None:
    runbook = bench.runbook(file(bench, "one"))
    bench.run(runbook, "--yes")
    _, dry = bench.run(runbook, "--dry-run")
    status, again = bench.run(runbook, "--yes")
    assert (status, outcomes(again)) == (0, {"one": "unchanged"})
    assert again[-1]["plan_digest"] == dry[-1]["plan_digest"]


def test_undo_takes_everything_back_once(bench: Bench) -> None:
    (bench.files / "two").write_text("old\n")
    bench.run(bench.runbook(file(bench, "one"), file(bench, "two")), "--yes")
    status, out, _ = bench.stopgap("undo", "last", "--yes")
    assert status == 0, out
    assert {p.name: p.read_text() for p in bench.files.iterdir()} == {"two": "old\n"}
    status, out, _ = bench.stopgap("undo", "last", "--yes")
    assert status == 0
    assert "nothing to undo" in out


def test_undo_of_one_step_leaves_the_others(bench: Bench) -> None:
    bench.run(bench.runbook(file(bench, "one"), file(bench, "two")), "--yes")
    assert bench.stopgap("undo", "last", "--step", "one", "--yes")[0] == 0
    assert [p.name for p in bench.files.iterdir()] == ["two"]
    assert bench.stopgap("undo", "last", "--step", "eno", "--yes")[0] == 2


def test_undo_leaves_what_somebody_has_changed_since_and_says_so(bench: Bench) -> None:
    bench.run(bench.runbook(file(bench, "one"), file(bench, "two")), "--yes")
    (bench.files / "one").write_text("theirs\n")
    status, out, _ = bench.stopgap("undo", "last", "--yes")
    assert status == 4
    assert "one on a: drifted" in out
    assert {p.name: p.read_text() for p in bench.files.iterdir()} == {"one": "theirs\n"}
    assert bench.stopgap("undo", "last", "--yes", "--force")[0] == 0
    assert list(bench.files.iterdir()) == []


def test_a_failed_step_stops_its_target_and_tells_why(bench: Bench) -> None:
    status, events = bench.run(bench.runbook(file(bench, "one"), fails(), file(bench, "two")), "--yes")
    assert (status, outcomes(events)) == (1, {"one": "changed", "bad": "failed", "two": "skipped"})
    assert "why not" in next(s["reason"] for s in events[-1]["steps"] if s["step"] == "bad")
    assert [p.name for p in bench.files.iterdir()] == ["one"]


def test_on_failure_continue_goes_on(bench: Bench) -> None:
    status, events = bench.run(bench.runbook(fails(on_failure="continue"), file(bench, "two")), "--yes")
    assert (status, outcomes(events)) == (1, {"bad": "failed", "two": "changed"})


def test_on_failure_undo_takes_the_targets_changes_back(bench: Bench) -> None:
    status, events = bench.run(
        bench.runbook(file(bench, "one"), fails(on_failure="undo"), file(bench, "two")), "--yes"
    )
    assert (status, outcomes(events)["two"]) == (1, "skipped")
    assert list(bench.files.iterdir()) == []
    assert "nothing to undo" in bench.stopgap("undo", "last", "--yes", "--step", "one")[1]


def test_a_step_that_needs_a_failed_one_is_skipped(bench: Bench) -> None:
    steps = [fails(on_failure="continue"), file(bench, "two", needs=["bad"]), file(bench, "three")]
    status, events = bench.run(bench.runbook(*steps), "--yes")
    assert (status, outcomes(events)) == (1, {"bad": "failed", "two": "skipped", "three": "changed"})


def test_when_sees_how_earlier_steps_ended(bench: Bench) -> None:
    steps = [
        fails(on_failure="continue"),
        file(bench, "plan-b", when="steps.bad.outcome == 'failed'"),
        file(bench, "celebrate", when="steps.bad.changed"),
    ]
    _, events = bench.run(bench.runbook(*steps), "--yes")
    assert outcomes(events) == {"bad": "failed", "plan-b": "changed", "celebrate": "skipped"}
    assert [p.name for p in bench.files.iterdir()] == ["plan-b"]


def test_foreach_repeats_a_step_for_each_item(bench: Bench) -> None:
    path = str(bench.files / "{{ item }}")
    step = {"id": "all", "task": "host.file", "foreach": ["x", "y"], "with": {"path": path, "content": "{{ item }}"}}
    status, events = bench.run(bench.runbook(step), "--yes")
    assert (status, outcomes(events)) == (0, {"all[0]": "changed", "all[1]": "changed"})
    assert {p.name: p.read_text() for p in bench.files.iterdir()} == {"x": "x", "y": "y"}


def test_a_later_step_is_planned_on_what_an_earlier_one_will_have_done(bench: Bench) -> None:
    second = {"id": "second", "task": "host.file", "with": {"path": str(bench.files / "one"), "content": "newer\n"}}
    runbook = bench.runbook(file(bench, "one"), second)
    _, dry = bench.run(runbook, "--dry-run")
    planned = [event for event in dry if event["event"] == "step-planned"]
    assert "-new" in planned[1]["changes"][0]["preview"]
    assert bench.run(runbook, "--yes")[0] == 0
    assert (bench.files / "one").read_text() == "newer\n"
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert list(bench.files.iterdir()) == []


def test_an_unreachable_host_is_an_outcome_and_the_other_targets_go_on(bench: Bench) -> None:
    runbook = bench.runbook(file(bench, "one"))
    status, out, _ = bench.stopgap(
        "run", runbook, "-i", str(bench.inventory), "-t", "gone", "-t", "a", "--json", "--yes"
    )
    last = json.loads(out.splitlines()[-1])
    assert status == 3
    assert {(s["target"], s["outcome"]) for s in last["steps"]} == {("gone", "unreachable"), ("a", "changed")}
    assert (bench.files / "one").exists()


def test_a_runbook_can_plan_for_a_host_that_is_out_of_reach(bench: Bench) -> None:
    steps = [
        {"id": "ask", "task": "host.command", "with": {"argv": ["true"], "reads": True, "creates": "/none"}},
        file(bench, "note", on="controller", when="steps.ask.outcome == 'unreachable'"),
    ]
    steps[0]["on_failure"] = "continue"
    status, events = bench.run(bench.runbook(*steps), "--yes", target="gone")
    assert (status, outcomes(events)) == (3, {"ask": "unreachable", "note": "changed"})


def test_a_file_that_changed_since_the_plan_was_made_is_refused(bench: Bench) -> None:
    meddle = {"id": "meddle", "task": "host.command"}
    meddle |= {"with": {"argv": ["sh", "-c", f"echo theirs > {bench.files}/one"], "reads": True}}
    status, events = bench.run(bench.runbook(meddle, file(bench, "one")), "--yes")
    assert (status, outcomes(events)["one"]) == (4, "refused")
    assert (bench.files / "one").read_text() == "theirs\n"


def test_a_saved_plan_runs_only_while_it_is_still_true(bench: Bench) -> None:
    runbook, saved = bench.runbook(file(bench, "one")), str(bench.top / "plan.json")
    bench.run(runbook, "--dry-run", "--save-plan", saved)
    (bench.files / "one").write_text("in between\n")
    status, events = bench.run(runbook, "--yes", "--plan", saved)
    assert status == 4
    assert "drifted" in events[-1]["reason"]
    assert (bench.files / "one").read_text() == "in between\n"
    (bench.files / "one").unlink()
    assert bench.run(runbook, "--yes", "--plan", saved)[0] == 0


def test_without_a_terminal_and_without_yes_nothing_is_done(bench: Bench) -> None:
    status, _, err = bench.stopgap("run", bench.runbook(file(bench, "one")), "-i", str(bench.inventory), "-t", "a")
    assert status == 4
    assert "--yes" in err
    assert list(bench.files.iterdir()) == []
    assert "No run yet" in bench.stopgap("runs")[1]


def test_a_checkpoint_is_answered_and_the_answer_recorded(bench: Bench) -> None:
    ask = {"id": "ask", "task": "checkpoint", "with": {"ask": "Told the provider?", "reason": "They can help."}}
    status, events = bench.run(bench.runbook(ask, file(bench, "one")), "--yes")
    assert status == 0
    answered = [event for event in events if event["event"] == "answered"]
    assert [(a["question"], a["answer"], a["by"]) for a in answered] == [("Told the provider?", "yes", "--yes")]


def test_a_step_that_needs_evidence_first_is_refused_where_collecting_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(tasks()["host.file"]), "needs_first", lambda *_: "host.command")
    first = fails("look", on_failure="continue")
    status, events = bench.run(bench.runbook(first, file(bench, "two")), "--yes")
    assert (status, outcomes(events)) == (4, {"look": "failed", "two": "refused"})
    assert list(bench.files.iterdir()) == []
    first["with"] = {"argv": ["true"], "reads": True}
    status, events = bench.run(bench.runbook(first, file(bench, "two")), "--yes")
    assert (status, outcomes(events)) == (0, {"look": "changed", "two": "changed"})


def test_a_retried_step_is_planned_afresh(bench: Bench) -> None:
    marker = bench.files / "tries"
    flaky = ["sh", "-c", f"echo x >> {marker}; test $(wc -l < {marker}) -ge 3"]
    step = {"id": "flaky", "task": "host.command", "with": {"argv": flaky}}
    step["retry"] = {"attempts": 3, "pause": "1s"}
    status, events = bench.run(bench.runbook(step), "--yes")
    assert (status, outcomes(events)) == (0, {"flaky": "changed"})


def test_two_targets_run_side_by_side(bench: Bench) -> None:
    """Each waits for the other, so that neither ends where they take turns."""
    met = f"touch {bench.files}/$$; until [ $(ls {bench.files} | wc -l) = 2 ]; do sleep 0.05; done"
    step = {"id": "meet", "task": "host.command", "with": {"argv": ["sh", "-c", met], "reads": True}}
    words = ["run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", "-t", "b", "--yes"]
    assert bench.stopgap(*words)[0] == 0


def test_no_target_waits_for_another_to_be_done_with(bench: Bench) -> None:
    hosts = {f"h{n}": {"address": f"127.0.1.{n}", "connection": "local"} for n in range(1, 41)}
    bench.inventory.write_text(json.dumps({"hosts": hosts, "groups": {"all": {"hosts": list(hosts)}}}))
    here = str(bench.files)
    all_there = (
        f"mktemp {here}/XXXXXX; for n in $(seq 100); do set -- {here}/*; test $# -lt 40 || exit 0; sleep 0.2; done"
    )
    step = {"id": "meet", "task": "host.command", "with": {"argv": ["sh", "-c", f"{all_there}; exit 1"]}}
    status, events = bench.run(bench.runbook(step), "--yes", target="all")
    assert (status, {step["outcome"] for step in events[-1]["steps"]}) == (0, {"changed"})


def test_the_show_status_and_report_of_a_run_tell_what_is_in_force(bench: Bench) -> None:
    bench.run(bench.runbook(file(bench, "one")), "--yes")
    assert f"write {bench.files}/one" in bench.stopgap("status")[1]
    assert "done" in bench.stopgap("show", "last")[1]
    for language in ("en", "ja"):
        for form in ("html", "md", "json"):
            status, text, _ = bench.stopgap("report", "last", "--lang", language, "--format", form)
            assert status == 0
            assert str(bench.files / "one") in text
    assert bench.stopgap("verify", "last")[0] == 0
    bench.stopgap("undo", "last", "--yes")
    assert "Nothing is in force" in bench.stopgap("status")[1]


def test_a_state_folder_that_cannot_be_written_stops_everything_before_it_begins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOPGAP_HOME", "/proc/nowhere")
    status, _, err = bench.stopgap(
        "run", bench.runbook(file(bench, "one")), "-i", str(bench.inventory), "-t", "a", "--yes"
    )
    assert status == 1
    assert "STOPGAP_HOME" in err
    assert list(bench.files.iterdir()) == []


def test_a_report_that_does_not_fit_leaves_the_one_that_is_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(bench.runbook(file(bench, "one")), "--yes")
    paper = bench.top / "paper.html"
    assert bench.stopgap("report", "last", "-o", str(paper))[0] == 0
    before = paper.read_text()
    assert before.rstrip().endswith("</html>")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        status, _, err = bench.stopgap("report", "last", "-o", str(paper))
    assert (status, err) == (1, f"stopgap: {paper}: No space left on device; the report was not written\n")
    assert paper.read_text() == before
    assert [path.name for path in bench.top.glob("*paper*")] == ["paper.html"]
    assert bench.stopgap("report", "last", "-o", "/dev/null")[0] == 0


def test_a_host_that_is_not_named_is_asked_for(bench: Bench) -> None:
    status, _, err = bench.stopgap("run", bench.runbook(file(bench, "one")), "-i", str(bench.inventory), "--yes")
    assert status == 2
    assert "-t" in err


def test_every_command_explains_itself(bench: Bench) -> None:
    for words in (["tasks"], ["tasks", "host.file"], ["inventory", "-i", str(bench.inventory)], ["runs"], ["status"]):
        status, out, _ = bench.stopgap(*words)
        assert status == 0
        assert out
    for what in ("runbook", "inventory", "report"):
        assert json.loads(bench.stopgap("schema", what)[1])["$schema"]
    assert bench.stopgap("init", str(bench.top / "new"))[0] == 0
    assert (bench.top / "new" / "inventory.yaml").exists()
    assert (bench.top / "new" / "runbooks" / "contain.yaml").exists()


def test_the_tasks_are_fabric_tasks_too(bench: Bench) -> None:
    fab = Path(sys.executable).parent / "fab"
    root = Path(__file__).parents[2]
    listed = subprocess.run([fab, "--list"], cwd=root, capture_output=True, text=True, timeout=180)
    assert "host.file" in listed.stdout, listed.stderr
    path = bench.files / "by-fab"
    words = ["--inventory", str(bench.inventory), "--target", "a", "--path", str(path), "--content", "x", "--yes"]
    done = subprocess.run([fab, "host.file", *words], cwd=root, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text() == "x"


def test_a_step_beyond_its_time_says_that_what_it_started_may_still_run(bench: Bench) -> None:
    step = {"task": "host.command", "timeout": "1s", "with": {"argv": ["sleep", "30"]}}
    status, events = bench.run(bench.runbook(step), "--yes")
    ended = next(event for event in events if event["event"] == "step-finished")
    assert (status, ended["outcome"]) == (1, "unknown")
    assert "what it started may still run there" in ended["reason"]
