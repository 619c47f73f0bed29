"""The event stream: every record of a run is an event, and what a person has to know is one of its own."""

from __future__ import annotations

import json
import signal
from typing import Any

from stopgap.orchestrator.documents.event import RunEvents
from stopgap.orchestrator.journal import History, Journal
from tests.unit.bench import Bench, file
from tests.unit.story import BACK, CONTAINED, FAILED, FOUND, told

BASE = ("schema", "version", "time", "id", "event", "run", "host", "step", "target", "severity", "summary")


def events(history: History) -> list[dict[str, Any]]:
    made = RunEvents(history.run, lambda: history.entries)
    return [event for entry in history.entries for event in made.of(entry)]


def named(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in found if event["event"] == name]


def test_every_event_begins_with_the_same_fields_and_has_an_id_of_its_own():
    found = events(told([*CONTAINED, FOUND]))
    assert {tuple(event)[: len(BASE)] for event in found} == {BASE}
    assert len({event["id"] for event in found}) == len(found)
    assert all(json.dumps(event) and event["summary"] for event in found)


def test_an_event_tells_the_host_that_the_change_was_made_on():
    found = events(told([*CONTAINED, *BACK]))
    hosts = {(event["event"], event["host"]) for event in found if event["step"] == "cut-off"}
    assert {
        ("change-made", "edge"),
        ("undo-intended", "edge"),
        ("undo-made", "edge"),
        ("step-finished", "edge"),
    } < hosts


def test_the_end_of_a_run_comes_last_with_its_steps_and_the_verdicts_come_before_it():
    found = events(told(CONTAINED))
    assert [event["event"] for event in found[-2:]] == ["contained", "run-finished"]
    assert (found[-2]["host"], found[-2]["severity"]) == ("web", "info")
    assert {step["step"] for step in found[-1]["steps"]} == {"cut-off", "volatile", "mail", "page"}
    assert found[-1]["plan_digest"] == "7f3a91c2" * 8


def test_what_went_wrong_is_a_notice_as_bad_as_it_is():
    found = events(told(FAILED))
    assert [(event["step"], event["severity"]) for event in named(found, "step-failed")] == [
        ("mail", "high"),
        ("page", "high"),
    ]
    assert [event["severity"] for event in named(found, "partly")] == ["critical"]
    assert named(found, "step-failed")[0]["summary"] == "mail on web: failed: postfix would not stop"


def test_each_finding_is_a_notice_of_its_own_with_its_severity():
    found = named(events(told([*CONTAINED, FOUND])), "finding")
    assert [(event["finding"], event["severity"], event["host"]) for event in found] == [
        ("y", "low", "web"),
        ("x", "critical", "web"),
    ]


def test_a_question_that_waits_names_the_command_that_answers_it():
    [waits] = named(events(told(CONTAINED)), "question-waits")
    assert waits["command"] == f"stopgap answer {waits['run']} ask -t web VALUE"


def test_an_undo_that_meets_somebody_elses_change_says_so():
    drifted = BACK[1].model_copy(update={"outcome": "drifted", "reason": "another rule is there"})
    found = events(told([*CONTAINED, BACK[0], drifted]))
    assert [(event["event"], event["host"]) for event in found[-2:]] == [
        ("drifted", "edge"),
        ("changed-by-others", "edge"),
    ]


def test_a_run_and_its_journal_tell_the_same_events(bench: Bench):
    status, live = bench.run(bench.runbook(file(bench, "one")), "--yes")
    assert status == 0
    with Journal.open_to_read(bench.top / "home") as journal:
        history = journal.history(journal.resolve("last"))
    kept = events(history)
    live = [event for event in live if event["id"]]
    assert [event | {"report": None} for event in live] == [event | {"report": None} for event in kept]


def test_an_undo_of_another_process_knows_the_host_of_each_change(bench: Bench):
    bench.run(bench.runbook(file(bench, "one")), "--yes")
    status, out, _ = bench.stopgap("undo", "last", "--yes", "--json")
    [made] = named([json.loads(line) for line in out.splitlines()], "undo-made")
    assert (status, made["host"], made["do"]) == (0, "a", f"write {bench.files}/one (0644)")


def test_events_are_followed_from_another_process_until_ctrl_c(bench: Bench):
    bench.run(bench.runbook(file(bench, "one")), "--yes")
    following = bench.in_background("events", "--follow", "--since", "1h", "--json")
    assert following.stdout
    seen = [json.loads(following.stdout.readline())]
    bench.run(bench.runbook(file(bench, "two")), "--yes")
    while sum(event["event"] == "run-finished" for event in seen) < 2:
        seen.append(json.loads(following.stdout.readline()))
    following.send_signal(signal.SIGINT)
    rest = following.communicate()[0]
    assert (following.returncode, "Traceback" in rest) == (130, False)
    status, out, _ = bench.stopgap("events", "--json")
    again = [json.loads(line) | {"report": None} for line in out.splitlines()]
    assert (status, again) == (0, [event | {"report": None} for event in seen])


def test_events_of_one_run_or_since_a_time_are_told_alone(bench: Bench):
    bench.run(bench.runbook(file(bench, "one")), "--yes")
    bench.run(bench.runbook(file(bench, "two")), "--yes")
    last = bench.stopgap("events", "last")[1].splitlines()
    assert len(last) * 2 == len(bench.stopgap("events", "--since", "1h")[1].splitlines())
    assert bench.stopgap("events", "--since", "2030-01-01")[1] == ""
    assert bench.stopgap("events", "--since", "yesterday")[0] == 2
