"""What an operator reads at three in the morning: after a death, a resume, an undo of what is not there."""

import sys
from typing import Any

import pytest

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cli.steps import show_proof
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import ChangeIntended, ChangeMade, CheckJudged, StepFinished, StepStarted

from .bench import Bench


def _file(bench: Bench, name: str, **rest: Any) -> dict[str, Any]:
    return {"id": name, "task": "host.file", "with": {"path": str(bench.files / name), "content": "new\n"}, **rest}


def _dead_run(bench: Bench, *, proved: bool = False) -> str:
    """A run of two steps that died after its first had changed a file."""
    bench.run(bench.runbook(_file(bench, "one"), _file(bench, "two")), "--yes")
    place = {"step": "one", "target": "a"}
    with Journal.open(bench.top / "home") as journal:
        first = journal.history(journal.resolve("last"))
        change = first.changes[0].change
        bench.stopgap("undo", "last", "--yes")
        (bench.files / "one").write_text("new\n")
        run = journal.begin(first.started)
        look = {"vantage": "b", "about": "it is silent", "holds": True, "seen": "silent", "containment": True}
        journal.append(
            run,
            StepStarted(**place, host="a", name="One", task="host.file"),
            ChangeIntended(**place, host="a", index=0, change=change),
            ChangeMade(**place, index=0, outcome="done"),
            *([CheckJudged(**place, **look)] if proved else []),
            StepFinished(**place, host="a", outcome="changed"),
        )
    return run


def test_a_resumed_run_says_what_is_in_force_and_how_to_undo_it_though_another_process_made_it(bench: Bench) -> None:
    run = _dead_run(bench)
    (bench.files / "two").write_text("new\n")
    _, out, err = bench.stopgap("resume", run, "--yes")
    assert "1 unchanged" in out, out + err
    assert "In force until it is undone" in out
    assert f"Undo:   stopgap undo {run}" in out


def test_one_change_is_not_called_changes(bench: Bench) -> None:
    run = _dead_run(bench)
    assert "1 change is in force" in bench.stopgap("show", run)[1]


def test_a_run_that_did_not_end_says_why_its_containment_is_unverified(bench: Bench) -> None:
    run = _dead_run(bench, proved=True)
    for words in (("show", run), ("status", "--offline")):
        out = bench.stopgap(*words)[1]
        assert "a: containment unverified: the run did not finish; `resume` proves it." in out


def test_an_undo_of_nothing_names_the_runs_that_can_be_undone(bench: Bench) -> None:
    run = _dead_run(bench)
    bench.run(bench.runbook(_file(bench, "one")), "--yes")
    out = bench.stopgap("undo", "last", "--yes")[1]
    assert f"1 change is in force: stopgap undo {run}" in out


def test_a_run_that_was_not_done_whole_says_how_to_go_on(bench: Bench) -> None:
    bad = {"id": "bad", "task": "host.command", "with": {"argv": ["false"]}}
    words = ("run", bench.runbook(_file(bench, "one"), bad), "-i", str(bench.inventory), "-t", "a", "--yes")
    status, out, _ = bench.stopgap(*words)
    with Journal.open(bench.top / "home") as journal:
        run = journal.resolve("last")
    assert status == 1
    assert f"Go on:  stopgap resume {run}" in out
    assert f"Try the rest again: stopgap resume {run}" in bench.stopgap("show", "last")[1]


def test_an_undo_that_did_not_reach_a_host_says_how_to_take_back_the_rest(bench: Bench) -> None:
    bench.run(bench.runbook(_file(bench, "one")), "--yes")
    with Journal.open(bench.top / "home") as journal:
        first = journal.history(journal.resolve("last"))
        away = [
            h.model_copy(update={"connection": "ssh", "port": 1}) if h.name == "a" else h for h in first.started.hosts
        ]
        run = journal.begin(first.started.model_copy(update={"hosts": tuple(away)}))
        place = {"step": "one", "target": "a"}
        journal.append(
            run,
            StepStarted(**place, host="a", name="One", task="host.file"),
            ChangeIntended(**place, host="a", index=0, change=first.changes[0].change),
            ChangeMade(**place, index=0, outcome="done"),
        )
    status, out, _ = bench.stopgap("undo", run, "--yes")
    assert status == 3
    assert f"Once a can be reached, take back the rest: stopgap undo {run}" in out


def test_a_report_that_cannot_be_written_hides_neither_the_outcome_nor_the_undo(bench: Bench) -> None:
    in_the_way = {"argv": ["sh", "-c", f"cd {bench.top}/home/runs/*; mkdir report.html"]}
    runbook = bench.runbook(_file(bench, "one"), {"task": "host.command", "with": in_the_way | {"undo": ["true"]}})
    status, out, err = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    assert status == 1
    assert "2 changed" in out
    assert "Undo:   stopgap undo" in out
    assert "The report was not written" in err
    assert "error of its own" not in err
    status, out, err = bench.stopgap("undo", "last", "--yes")
    assert status == 1
    assert "2 undone; nothing of this run is in force any more." in out
    assert "The report was not written" in err


def test_what_could_not_be_seen_for_one_reason_is_said_once_for_each_vantage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rest = {"step": "x", "target": "a", "holds": None, "containment": True}
    judged = [
        CheckJudged(vantage="b", about=f"port {n} is silent", seen="the connection broke", **rest) for n in range(3)
    ]
    judged.append(CheckJudged(vantage="c", about="port 1 is silent", seen="no login", **rest))
    show_proof(Screen(sys.stdout), judged)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "proof  not seen from b: 3 checks: the connection broke",
        "proof  not seen from c: port 1 is silent: no login",
    ]
