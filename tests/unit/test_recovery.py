"""The way back: what an earlier run has changed is taken back as a step of another, and looked at for a while."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stopgap.orchestrator.journal import Journal

from .bench import INSTALLED, Bench, outcomes
from .test_checkpoint import wait_until_asked


def write(bench: Bench, name: str) -> dict[str, Any]:
    return {"id": name, "task": "host.file", "with": {"path": str(bench.files / name), "content": f"{name}\n"}}


def lift(*runs: str, step: str, name: str = "lift", **given: Any) -> dict[str, Any]:
    return {"id": name, "task": "change.lift", "with": {"runs": list(runs), "step": step, **given}}


def contained(bench: Bench) -> str:
    """Run something that changes two files, and give the run's id."""
    assert bench.run(bench.runbook(write(bench, "cut"), write(bench, "page")), "--yes")[0] == 0
    with Journal.open(bench.top / "home") as journal:
        return journal.resolve("last")


def in_force(bench: Bench, run: str) -> list[str]:
    with Journal.open(bench.top / "home") as journal:
        return [change.step for change in journal.history(journal.resolve(run)).in_force()]


def test_one_step_of_an_earlier_run_is_taken_back_and_stands_in_that_runs_journal(bench: Bench) -> None:
    first = contained(bench)
    status, events = bench.run(bench.runbook(lift(first[-4:], step="page")), "--yes")
    assert (status, outcomes(events)) == (0, {"lift": "changed"})
    assert [path.name for path in bench.files.iterdir()] == ["cut"]
    assert in_force(bench, first) == ["cut"]
    assert in_force(bench, "last") == []
    assert [e["run"] for e in events if e["event"] == "undo-made"] == [first]
    assert f"1 change of step page of run {first} taken back" in events[-1]["steps"][0]["reason"]
    assert "undone" in bench.stopgap("report", first, "--format", "md")[1]
    assert "undone" in (bench.top / "home" / "runs" / first / "report.html").read_text()
    for run in (first, "last"):
        assert bench.stopgap("verify", run)[0] == 0


def test_a_dry_run_shows_what_would_be_taken_back_and_writes_nothing(bench: Bench) -> None:
    first = contained(bench)
    runbook = bench.runbook(lift(first, step="page"))
    status, out, _ = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--dry-run")
    assert status == 0
    assert f"+ take back step page of run {first}" in out
    assert f"a: remove {bench.files}/page" in out
    assert sorted(in_force(bench, first)) == ["cut", "page"]
    assert len(list(bench.files.iterdir())) == 2


def test_what_was_taken_back_already_is_left(bench: Bench) -> None:
    first = contained(bench)
    assert bench.stopgap("undo", first, "--step", "page", "--yes")[0] == 0
    status, events = bench.run(bench.runbook(lift(first, step="page")), "--yes")
    assert (status, outcomes(events)) == (0, {"lift": "unchanged"})


def test_what_somebody_has_changed_since_is_reported_and_left(bench: Bench) -> None:
    first = contained(bench)
    (bench.files / "page").write_text("somebody else's\n")
    status, events = bench.run(bench.runbook(lift(first, step="page")), "--yes")
    assert (status, outcomes(events)) == (4, {"lift": "refused"})
    assert "somebody else was there" in events[-1]["steps"][0]["reason"]
    assert (bench.files / "page").read_text() == "somebody else's\n"
    assert bench.run(bench.runbook(lift(first, step="page", force=True)), "--yes")[0] == 0
    assert not (bench.files / "page").exists()


def test_a_run_or_a_step_that_is_not_there_refuses_everything_before_it_begins(bench: Bench) -> None:
    first = contained(bench)
    steps = [write(bench, "more"), lift("zzzz", step="page")]
    status, events = bench.run(bench.runbook(*steps), "--yes")
    assert (status, "there is no run zzzz" in events[-1]["reason"]) == (4, True)
    status, events = bench.run(bench.runbook(write(bench, "more"), lift(first, step="pgae")), "--yes")
    assert (status, f"{first} had no step pgae for a" in events[-1]["reason"]) == (4, True)
    assert not (bench.files / "more").exists()


def test_an_incident_stands_for_all_its_runs_for_the_target_but_the_one_that_asks(bench: Bench) -> None:
    belongs = ("--yes", "--incident", "shop-1")
    runbook = bench.runbook(lift("shop-1", step="page"), write(bench, "page"))
    assert bench.stopgap("incident", "open", "shop-1")[0] == 0
    status, events = bench.run(runbook, *belongs)
    assert (status, "incident shop-1 has no run for a" in events[0]["reason"]) == (4, True)
    other = {**write(bench, "other"), "id": "page"}
    assert bench.run(bench.runbook(write(bench, "page")), *belongs)[0] == 0
    assert bench.run(bench.runbook(other), *belongs)[0] == 0
    assert bench.run(bench.runbook({**write(bench, "elsewhere"), "id": "page"}), *belongs, target="b")[0] == 0
    contained(bench)
    status, events = bench.run(bench.runbook(lift("shop-1", step="page")), *belongs)
    assert (status, outcomes(events)) == (0, {"lift": "changed"})
    assert not (bench.files / "other").exists()
    assert (bench.files / "elsewhere").exists(), "it is another target's"


def test_a_run_takes_back_a_step_of_its_own(bench: Bench) -> None:
    steps = [write(bench, "narrow"), lift("this", step="narrow")]
    status, out, _ = bench.stopgap("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--dry-run")
    assert (status, "+ take back step narrow of this run" in out) == (0, True)
    status, events = bench.run(bench.runbook(*steps), "--yes")
    assert (status, outcomes(events)) == (0, {"narrow": "changed", "lift": "changed"})
    assert list(bench.files.iterdir()) == []
    assert in_force(bench, "last") == []


def test_a_run_that_died_before_that_step_of_its_own_goes_on(bench: Bench) -> None:
    once = f"test -e {bench.top}/begun || {{ touch {bench.top}/begun; sleep 60; }}"
    slow = {"id": "slow", "task": "host.command", "with": {"argv": ["sh", "-c", once], "reads": True}}
    runbook = bench.runbook(slow, write(bench, "narrow"), lift("this", step="narrow"))
    words = ("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    process = bench.in_background(*words, program=INSTALLED)
    while not (bench.top / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    status, out, _ = bench.stopgap("resume", "last", "--yes")
    assert status == 0, out
    assert "1 change of step narrow of run" in out
    assert list(bench.files.iterdir()) == []


def test_a_run_that_another_process_is_at_work_on_is_left_alone(bench: Bench) -> None:
    first = contained(bench)
    with Journal.open(bench.top / "home") as journal, journal.hold(first):
        status, events = bench.run(bench.runbook(lift(first, step="page")), "--yes")
    assert (status, outcomes(events)) == (4, {"lift": "refused"})
    assert f"another process is at work on run {first}" in events[-1]["steps"][0]["reason"]


def test_each_target_has_its_own_changes_taken_back(bench: Bench) -> None:
    step = {"id": "page", "task": "host.file"}
    step["with"] = {"path": str(bench.files) + "/{{ target.name }}", "content": "x"}  # type: ignore[assignment]
    runbook = bench.runbook(step)
    assert bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "-t", "b", "--yes")[0] == 0
    assert bench.run(bench.runbook(lift("last", step="page")), "--yes", target="b")[0] == 0
    assert [path.name for path in bench.files.iterdir()] == ["a"]


def test_an_answer_that_leaves_a_finding_open_ends_the_run_and_resume_asks_again(bench: Bench) -> None:
    question = {"ask": "Rebuilt?", "reason": "It matters.", "type": "choice", "choices": ["rebuilt", "open"]}
    ask = {"id": "ask", "task": "checkpoint", "with": question | {"refusing": ["open"]}}
    runbook = bench.runbook(ask, write(bench, "on"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    assert bench.stopgap("answer", "last", "ask", "open")[0] == 0
    out, _ = run.communicate(timeout=180)
    assert (run.returncode, " answered open: Rebuilt?" in out) == (4, True)
    run = bench.in_background("resume", "last", "--wait")
    wait_until_asked(bench)
    assert bench.stopgap("answer", "last", "ask", "rebuilt")[0] == 0
    assert run.wait(180) == 0
    assert (bench.files / "on").exists()


@contextmanager
def listening(accepts: int) -> Iterator[int]:
    """Listen on a port of host `a`; after so many connections nobody does any more."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            for _ in range(accepts):
                server.accept()[0].close()
            server.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port


def watch(port: int, every: str = "1s") -> dict[str, Any]:
    return {
        "id": "watch",
        "task": "service.watch",
        "with": {"open": [port], "duration": "3s", "every": every, "forgive": "1s"},
    }


def test_a_service_that_goes_away_while_it_is_watched_fails_the_step(bench: Bench) -> None:
    with listening(2) as port:
        status, events = bench.run(bench.runbook(watch(port)), "--yes")
    assert (status, outcomes(events)) == (1, {"watch": "failed"})


def test_a_service_that_stays_is_watched_to_the_end(bench: Bench) -> None:
    with listening(1000) as port:
        status, events = bench.run(bench.runbook(watch(port)), "--yes")
    assert (status, outcomes(events)) == (0, {"watch": "unchanged"})


def test_a_watch_takes_no_longer_than_its_time_though_looks_are_rarer(bench: Bench) -> None:
    with listening(2) as port:
        status, events = bench.run(bench.runbook(watch(port, every="10m")), "--yes")
    assert (status, outcomes(events)) == (0, {"watch": "unchanged"})
    assert next(e["seconds"] for e in events if e["event"] == "step-finished") < 60
