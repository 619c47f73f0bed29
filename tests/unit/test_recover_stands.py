"""Where a recovery stands, how far back a person can go, and how a watch gives the terminal back."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from stopgap.loading import load_runbook
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.records import RunFinished, StepFinished, StepStarted
from stopgap.orchestrator.past_runs import THIS, PastCredential, PastFinding, PastRun
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.standing import HostStands, hosts_stand
from stopgap.orchestrator.severity import SEVERITIES

from .bench import Bench, file
from .story import BACK, CONTAINED, FOUND, answered, started, told
from .test_checkpoint import PATIENCE, ask, wait_until_asked
from .test_recovery import lift, listening

RECOVER = load_runbook("recover").text


def recovery(*records: Any, running: bool = False, hour: int = 1) -> History:
    first = started(runbook_text=RECOVER, runbook_path="recover.yaml")
    return replace(told(records, first=first, running=running, hour=hour), run="20261123-0213-back")


def done(step: str, outcome: str = "unchanged", reason: str = "") -> list[Any]:
    end = {"step": step, "target": "web", "host": "web", "outcome": outcome, "reason": reason}
    return [
        StepStarted(step=step, target="web", host="web", name=step, task="checkpoint"),
        StepFinished.model_validate(end),
    ]


def stands(*histories: History) -> HostStands:
    (host,) = hosts_stand(histories, "shop")
    return host


def test_a_contained_host_waits_for_its_recovery() -> None:
    host = stands(told(CONTAINED))
    assert (host.phase, host.steps) == ("cut-off", ())
    (command,) = host.commands
    assert command == ("stopgap run recover -i /srv/inventories/lab.yaml -t web -p runs=shop --incident shop")


def test_a_recovery_tells_its_step_and_what_it_waits_for() -> None:
    asked = answered("Was the host rebuilt, or cleaned?", "rebuilt", type="choice", choices=("rebuilt", "cleaned"))[0]
    way = asked.model_copy(update={"step": "way"})
    host = stands(told(CONTAINED), recovery(*done("evidence"), *done("copy"), done("way")[0], way, running=True))
    assert (host.phase, host.asks, host.now and (host.now.number, host.now.id)) == ("returning", "way", (3, "way"))
    assert len(host.steps) == len(load_runbook("recover").steps)
    assert host.commands == (f"stopgap answer {host.run} way",)


def test_a_recovery_that_was_stopped_goes_on_with_resume() -> None:
    refused = [*done("evidence"), *done("copy", "refused", "kei@noc1 answered no"), *done("way", "skipped")]
    host = stands(told(CONTAINED), recovery(*refused, RunFinished(outcome="refused", exit_code=4)))
    assert (host.phase, host.now and host.now.id) == ("stopped", "copy")
    assert host.now
    assert host.now.reason == "kei@noc1 answered no"
    assert host.commands == (f"stopgap resume {host.run}",)


def test_a_host_that_is_back_with_open_findings_has_the_command_that_cuts_it_off() -> None:
    ended = RunFinished(outcome="ok", exit_code=0)
    back = stands(told([*CONTAINED, *BACK]), recovery(ended))
    assert (back.phase, back.open_findings) == ("back", 0)
    assert back.commands == ("stopgap incident close --incident shop",)
    undecided = stands(told([*CONTAINED, FOUND, *BACK]), recovery(ended))
    assert (undecided.open_findings, undecided.commands) == (2, (f"stopgap evidence findings {undecided.run}",))
    open_ = answered("Which?", "1 open; 2 gone", type="decisions", items=("x", "y"))
    left = stands(told([*CONTAINED, FOUND, *open_, *BACK]), recovery(ended))
    assert left.commands[0].startswith("stopgap run /srv/runbooks/contain.yaml")


def test_recover_and_status_say_where_a_stopped_recovery_stands(bench: Bench) -> None:
    assert bench.run(bench.runbook(file(bench, "cut")), "--yes")[0] == 0
    steps = [ask("first"), ask("second", ask_ja="二つ目は。"), lift("last", step="cut")]
    refusing = bench.runbook(*steps)
    run = bench.in_background("run", refusing, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench, "first")
    status, out, _ = bench.stopgap("answer", "last")
    assert (status, "a: step 1 of 3" in out) == (0, True)
    assert "a: step 1 of 3" in bench.stopgap("watch", "last")[1]
    assert bench.stopgap("answer", "last", "first", "yes")[0] == 0
    wait_until_asked(bench, "second")
    status, _, err = bench.stopgap("answer", "last", "first", "no")
    assert (status, "was answered by" in err, "this answer decides nothing" in err) == (4, True, True)
    assert bench.stopgap("answer", "last", "second", "no")[0] == 0
    assert run.wait(PATIENCE) == 4
    status, out, _ = bench.stopgap("recover")
    assert (status, "No run has contained a host yet" in out) == (0, True)
    assert json.loads(bench.stopgap("recover", "--json")[1])["hosts"] == []


def test_a_person_goes_back_a_step_as_long_as_nothing_was_changed_since(bench: Bench) -> None:
    steps = [
        ask("way", type="choice", choices=["rebuilt", "cleaned"]),
        ask("why", type="text"),
        file(bench, "one", "{{ steps.way.answer }}\n"),
        ask("last"),
    ]
    run = bench.in_background("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--wait")
    for step, says in (("way", "rebuilt"), ("why", "a form"), ("last", "no")):
        wait_until_asked(bench, step)
        assert bench.stopgap("answer", "last", step, says)[0] == 0
    assert run.wait(PATIENCE) == 4
    status, _, err = bench.stopgap("resume", "last", "--from", "why", "--wait")
    assert (status, "step one has something in force; take it back first: stopgap undo" in err) == (4, True)
    assert bench.stopgap("resume", "last", "--from", "wy")[0] == 2
    assert bench.stopgap("resume", "last", "--from", "last")[0] == 2
    assert bench.stopgap("undo", "last", "--step", "one", "--yes")[0] == 0
    run = bench.in_background("resume", "last", "--from", "way", "--wait")
    for step, says in (("way", "cleaned"), ("why", "a form"), ("last", "yes")):
        wait_until_asked(bench, step)
        assert bench.stopgap("answer", "last", step, says)[0] == 0
    assert run.wait(PATIENCE) == 0
    assert (bench.files / "one").read_text() == "cleaned"
    told_ = bench.stopgap("report", "last", "--format", "md")[1]
    assert "Went back to do again" in told_


def test_what_a_recovery_has_lifted_is_not_gone_back_behind(bench: Bench) -> None:
    assert bench.run(bench.runbook(file(bench, "cut")), "--yes")[0] == 0
    steps = [ask("way"), lift("last", step="cut"), ask("end")]
    run = bench.in_background("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--wait")
    for step, says in (("way", "yes"), ("end", "no")):
        wait_until_asked(bench, step)
        assert bench.stopgap("answer", "last", step, says)[0] == 0
    assert run.wait(PATIENCE) == 4
    status, _, err = bench.stopgap("resume", "last", "--from", "way", "--yes")
    assert (status, "no undo puts that back" in err) == (4, True)


@pytest.fixture
def watched(bench: Bench) -> Iterator[Bench]:
    """A run that was interrupted during a watch."""
    with listening(10_000) as port:
        watch = {"open": [port], "duration": "3s", "every": "1s", "forgive": "1s"}
        steps = [{"id": "watch", "task": "service.watch", "with": watch}, file(bench, "after")]
        run = bench.in_background("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--yes")
        while not _begun(bench, "watch"):
            time.sleep(0.05)
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=PATIENCE)
        assert run.returncode == 130
        yield bench


def test_a_watch_that_was_cut_short_is_not_over_and_goes_on_in_the_background(watched: Bench) -> None:
    with Journal.open(watched.top / "home") as journal:
        (step, *_) = journal.history(journal.resolve("last")).steps
    assert (step.outcome, step.reason) == ("unknown", "stopped before its time was over")
    assert not (watched.files / "after").exists()
    status, out, err = watched.stopgap("resume", "last", "--detach", "--yes")
    assert (status, "goes on in the background" in out) == (0, True), err
    end = time.monotonic() + PATIENCE
    while watched.stopgap("watch", "last")[0] == 0 and _state(watched) == "running":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert _state(watched) == "ok"
    assert (watched.files / "after").exists()


def test_a_run_that_cannot_go_on_in_the_background_says_why(bench: Bench) -> None:
    assert bench.run(bench.runbook(file(bench, "one"), ask("q", type="text")), "--yes")[0] == 4
    assert bench.stopgap("resume", "last", "--detach")[0] == 2, "there is no run"


def _begun(bench: Bench, step: str) -> bool:
    if not (bench.top / "home" / "journal.sqlite").exists():
        return False
    with Journal.open(bench.top / "home") as journal:
        runs = journal.runs()
        return bool(runs) and step in {each.step for each in journal.history(runs[0].id).steps}


def _state(bench: Bench) -> str:
    with Journal.open(bench.top / "home") as journal:
        return str(journal.history(journal.resolve("last")).state)


def questions(*, rebuilt: bool, old: int, fresh: int) -> list[Question]:
    """Give every question of the shipped recovery, the worst case: each look finds something."""
    host = Host(name="web", address="203.0.113.10")
    scene = Scene(target=host, on=host)

    def run(name: str, count: int) -> PastRun:
        found = tuple(
            PastFinding(step="triage", severity=SEVERITIES[n % 4], id=f"rule-{name}-{n}", count=3,
                        title="A program of a package was replaced on the host", first="/usr/sbin/sshd (4f1c…)")
            for n in range(count)
        )  # fmt: skip
        shown = (PastCredential(kind="host-key", text=host.address), PastCredential(kind="stored", text=""))
        return PastRun(run=name, findings=found, credentials=shown, collections=())

    found: list[Question] = []
    for step in load_runbook("recover").steps:
        task = tasks()[step.task]
        if not task.may_ask:
            continue
        given: dict[str, Any] = {key: value for key, value in step.with_.items() if key in {"phrase", "type"}}
        this = step.with_.get("runs") == [THIS]
        if step.task == "checkpoint":
            params = task.Params.model_validate(dict(step.with_))
            found += [each for each in task.plan(params, task.Facts(), scene) if isinstance(each, Question)]
            continue
        params = task.Params.model_validate({"runs": [THIS if this else "shop"]} | given)
        if step.task == "findings.review":
            params = params.model_copy(update={"rebuilt": rebuilt and not this})
        past = run(THIS, fresh) if this else run("shop", old)
        facts = task.Facts.model_validate({"past_runs": (past,)})
        found += [each for each in task.plan(params, facts, scene) if isinstance(each, Question)]
    return found


@pytest.mark.parametrize(("rebuilt", "most"), [(True, 9), (False, 12)])
def test_a_recovery_asks_few_questions_in_few_words(*, rebuilt: bool, most: int) -> None:
    asked = questions(rebuilt=rebuilt, old=22, fresh=3)
    assert len(asked) + 1 <= most, [each.text for each in asked]
    words = sum(len(f"{each.text} {each.reason}".split()) for each in asked)
    assert words <= (500 if rebuilt else 1000), words
    assert all(len(each.text.split()) <= 25 for each in asked)


def test_those_who_were_told_of_the_outage_are_told_that_it_is_over() -> None:
    telling = load_runbook("tell-customers")
    params = {"contact": "noc@example.jp", "csv": "/srv/customers.csv", "service": "the shop", "mail_secret": None}
    first = started(runbook_text=telling.text, params=params)
    ended = RunFinished(outcome="ok", exit_code=0)
    place = {"step": "customers", "target": "web", "host": "web"}
    notified = [
        StepStarted.model_validate({**place, "name": "Notice", "task": "customers.notify"}),
        StepFinished.model_validate({**place, "outcome": "unchanged"}),
        ended,
    ]
    told_ = replace(told(notified, first=first, hour=1), run="20261123-0213-tell")
    contained_ = told([*CONTAINED, *BACK])
    host = stands(contained_, told_, recovery(ended, hour=2))
    assert host.commands == (
        "stopgap run back-in-service -i /srv/inventories/lab.yaml -t web -p contact=noc@example.jp"
        " -p csv=/srv/customers.csv -p 'service=the shop' --incident shop",
        "stopgap incident close --incident shop",
    )
    again = started(runbook_text=load_runbook("back-in-service").text, params=params)
    said = replace(told(notified, first=again, hour=3), run="20261123-0413-back")
    assert stands(contained_, told_, recovery(ended, hour=2), said).commands == host.commands[1:]
