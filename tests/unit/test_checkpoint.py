"""What a person is asked, where the answer may come from, and what becomes of it."""

import json
import time
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.source import Unfit

from .at_terminal import AtTerminal
from .bench import Bench, outcomes

PATIENCE = 180
"""Seconds in which a process ends, however busy the machine is."""


def ask(name: str = "ask", **given: Any) -> dict[str, Any]:
    return {"id": name, "task": "checkpoint", "with": {"ask": "Well?", "reason": "It has to be known.", **given}}


def note(bench: Bench, text: str) -> dict[str, Any]:
    """Write what a template makes of an answer to a file."""
    return {"id": "note", "task": "host.file", "with": {"path": str(bench.files / "note"), "content": text}}


def wait_until_asked(bench: Bench, step: str = "ask") -> None:
    for _ in range(PATIENCE * 20):
        if (bench.top / "home" / "journal.sqlite").exists():
            with Journal.open(bench.top / "home") as journal:
                runs = journal.runs()
                if runs and step in {asked.step for asked in journal.history(runs[0].id).waiting}:
                    return
        time.sleep(0.05)
    raise AssertionError("it never asked")


@pytest.mark.parametrize(
    ("question", "typed", "value"),
    [
        ({}, " Yes ", True),
        ({}, "いいえ", False),
        ({"type": "text"}, "call 山田 back", "call 山田 back"),
        ({"type": "ticket"}, "INC-2026/11#7", "INC-2026/11#7"),
        ({"type": "choice", "choices": ("spare", "wait")}, "wait", "wait"),
        ({"type": "amount", "currency": "JPY"}, "12,000 JPY", Decimal(12000)),
        ({"type": "amount"}, "99.50", Decimal("99.50")),
        ({"type": "date"}, "2026-11-25", date(2026, 11, 25)),
        ({"type": "date"}, "2026-11-25T21:15+09:00", datetime.fromisoformat("2026-11-25T21:15+09:00")),
    ],
)
def test_an_answer_becomes_a_value_of_its_type(question: dict[str, Any], typed: str, value: object) -> None:
    asked = Question(text="Well?", reason="", **question)
    assert asked.value(asked.read(typed)) == value
    assert asked.read(asked.read(typed)) == asked.read(typed)


@pytest.mark.parametrize(
    ("question", "typed"),
    [
        ({}, "maybe"),
        ({"type": "text"}, ""),
        ({"type": "text"}, "two\nlines"),
        ({"type": "text"}, "\x1b[2J"),
        ({"type": "text"}, "\u202egnirts"),
        ({"type": "text"}, "x" * 501),
        ({"type": "ticket"}, "a b"),
        ({"type": "ticket"}, "$(id)"),
        ({"type": "choice", "choices": ("spare", "wait")}, "spar"),
        ({"type": "amount"}, "-3"),
        ({"type": "amount"}, "1e9"),
        ({"type": "date"}, "tomorrow"),
        ({"type": "date"}, "2026-11-25T21:15"),
    ],
)
def test_what_is_no_answer_is_refused(question: dict[str, Any], typed: str) -> None:
    with pytest.raises(Unfit):
        Question(text="Well?", reason="", **question).read(typed)


def test_a_terminal_in_japanese_is_asked_in_japanese_as_far_as_there_are_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded = "一行目です。\n二行目です。"
    runbook = bench.runbook(ask(ask_ja="よろしいですか。", reason_ja=folded))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    assert "Well? [yes or no]" in bench.stopgap("answer", "last")[1]
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    said = bench.stopgap("answer", "last")[1]
    assert "よろしいですか。 [yes または no]" in said
    assert "一行目です。二行目です。" in said
    assert bench.stopgap("answer", "last", "ask", "はい")[0] == 0
    run.communicate(timeout=PATIENCE)
    assert run.returncode == 0
    assert "よろしいですか。" in bench.stopgap("report", "last", "--lang", "ja")[1]


def test_an_answer_from_another_shell_is_heard_recorded_and_handed_on(bench: Bench) -> None:
    runbook = bench.runbook(ask(type="ticket"), note(bench, "ticket {{ steps.ask.answer }}"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    assert "Well? [a ticket's number]" in bench.stopgap("answer", "last")[1]
    assert "stopgap answer" in bench.stopgap("show", "last")[1]
    status, _, err = bench.stopgap("answer", "last", "ask", "no such thing")
    assert (status, "expected a ticket's number" in err) == (2, True)
    assert bench.stopgap("answer", "last", "aks", "T-1")[0] == 4
    assert bench.stopgap("answer", "last", "ask", "T-1")[0] == 0
    out, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, out
    assert (bench.files / "note").read_text() == "ticket T-1"
    with Journal.open(bench.top / "home") as journal:
        (answer,) = journal.history(journal.resolve("last")).answers
    assert (answer.answer, answer.question) == ("T-1", "Well?")
    assert "@" in answer.by
    status, _, err = bench.stopgap("answer", "last", "ask", "T-2")
    assert (status, "T-1; this answer decides nothing" in err) == (4, True)
    assert bench.stopgap("verify", "last")[0] == 0
    for language in ("en", "ja"):
        assert "T-1" in bench.stopgap("report", "last", "--lang", language)[1]


def test_the_first_of_two_answers_counts(bench: Bench) -> None:
    runbook = bench.runbook(ask(type="text"), note(bench, "{{ steps.ask.answer }}"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    both = [bench.in_background("answer", "last", "ask", word) for word in ("one", "two")]
    codes = [answer.wait(PATIENCE) for answer in both]
    run.communicate(timeout=PATIENCE)
    assert run.returncode == 0
    with Journal.open(bench.top / "home") as journal:
        history = journal.history(journal.resolve("last"))
    assert (bench.files / "note").read_text() == history.answers[0].answer
    assert len(history.answers) == 1
    assert 0 in codes


def test_a_person_at_the_terminal_is_asked_until_the_answer_fits(bench: Bench) -> None:
    runbook = bench.runbook(ask(type="amount", currency="JPY"), note(bench, "= {{ steps.ask.answer + 1 }}"))
    person = AtTerminal("run", runbook, "-i", str(bench.inventory), "-t", "a")
    person.until("[yes/no]")
    person.type("yes\n")
    person.until("an amount in JPY, such as 120 or 99.50] ")
    person.type("a lot\n")
    person.until("> ")
    person.type("12000\n")
    assert person.end() == 0, person.shown
    assert b"expected an amount in JPY" in person.shown
    assert (bench.files / "note").read_text() == "= 12001"


def test_a_half_typed_yes_does_not_answer_the_next_question(bench: Bench) -> None:
    """The first question is answered at another terminal while a `yes` without Enter stands at this one."""
    runbook = bench.runbook(ask("queue"), ask("lift"), note(bench, "lifted"))
    person = AtTerminal("run", runbook, "-i", str(bench.inventory), "-t", "a")
    person.until("[yes/no]")
    person.type("yes\n")
    person.until("Well? [yes or no] ")
    person.type("yes")
    assert bench.stopgap("answer", "last", "queue", "yes")[0] == 0
    assert "Answered at another terminal, by " in person.until("Well? [yes or no] ")
    person.type("\n")
    person.until("an empty answer")
    person.type("no\n")
    assert person.end() == 4, person.shown
    assert not (bench.files / "note").exists()


def test_a_step_that_opens_something_wants_its_words_and_no_plain_yes(bench: Bench) -> None:
    runbook = bench.runbook(ask(phrase="lift {{ target.name }}"), note(bench, "lifted"))
    assert bench.run(runbook, "--yes")[0] == 4, "nobody types the words for --yes"
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    assert "stopgap answer" in bench.stopgap("answer", "last")[1]
    assert "'lift a'" in bench.stopgap("answer", "last")[1]
    status, _, err = bench.stopgap("answer", "last", "ask", "yes")
    assert (status, 'expected the words "lift a", or no' in err) == (2, True)
    assert bench.stopgap("answer", "last", "ask", "Lift  a")[0] == 0
    run.communicate(timeout=PATIENCE)
    assert run.returncode == 0
    assert (bench.files / "note").exists()


def test_who_answers_second_is_told_and_decides_nothing(bench: Bench) -> None:
    """The second person reads the question, and types only after the first has answered."""
    runbook = bench.runbook(ask(type="text"), ask("more"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    second = AtTerminal("answer", "last", "ask")
    second.until("text on one line")
    assert bench.stopgap("answer", "last", "ask", "one")[0] == 0
    second.type("two\n")
    assert second.end() == 4
    assert b"answered first, one; this answer, two, came too late" in second.shown.replace(b"\r\n", b" ")
    wait_until_asked(bench, "more")
    assert bench.stopgap("answer", "last", "more", "yes")[0] == 0
    run.communicate(timeout=PATIENCE)
    with Journal.open(bench.top / "home") as journal:
        history = journal.history(journal.resolve("last"))
    assert [each.answer for each in history.answers] == ["one", "yes"]
    assert [each.answer for each in history.late_answers] == ["two"]
    papers = json.loads(bench.stopgap("report", "last", "--format", "json")[1])
    assert [(a["answer"], a["late"]) for a in papers["answers"]] == [("one", False), ("two", True), ("yes", False)]
    for language, word in (("en", "too late"), ("ja", "遅れて")):
        assert word in bench.stopgap("report", "last", "--lang", language)[1]


def test_an_answer_after_the_run_was_stopped_is_refused_and_not_recorded(bench: Bench) -> None:
    run = bench.in_background("run", bench.runbook(ask()), "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    person = AtTerminal("answer", "last", "ask")
    person.until("yes or no")
    run.terminate()
    run.communicate(timeout=PATIENCE)
    person.type("yes\n")
    assert person.end() == 4
    assert b"the question was withdrawn" in person.shown
    assert bench.stopgap("verify", "last")[0] == 0
    with Journal.open(bench.top / "home") as journal:
        history = journal.history(journal.resolve("last"))
    assert history.answers == history.late_answers == ()


def test_a_default_counts_when_the_time_is_over(bench: Bench) -> None:
    runbook = bench.runbook(ask(type="choice", choices=["a", "b"], default="b", time_limit="1s"), ask("second"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench, "second")
    assert bench.stopgap("answer", "last", "second", "yes")[0] == 0
    out, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, out
    with Journal.open(bench.top / "home") as journal:
        first, _ = journal.history(journal.resolve("last")).answers
    assert (first.answer, first.by) == ("b", "time-out")


def test_without_a_default_the_step_is_refused_when_the_time_is_over(bench: Bench) -> None:
    runbook = bench.runbook(ask(type="text", time_limit="1s"), note(bench, "never"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    out, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 4, out
    assert "nobody answered within 1 s" in out
    assert not (bench.files / "note").exists()


def test_yes_gives_the_default_and_refuses_before_anything_where_there_is_none(bench: Bench) -> None:
    steps = [note(bench, "x"), ask(type="ticket")]
    status, _, err = bench.stopgap("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--yes")
    assert (status, "step ask asks for a ticket's number" in err) == (4, True)
    assert list(bench.files.iterdir()) == []
    steps = [ask(type="ticket", default="T-0"), note(bench, "{{ steps.ask.answer }}")]
    assert bench.run(bench.runbook(*steps), "--yes")[0] == 0
    assert (bench.files / "note").read_text() == "T-0"


def test_a_no_refuses_or_is_an_answer_as_the_runbook_says(bench: Bench) -> None:
    steps = [ask(default="no", on_no="answer"), note(bench, "spare: {{ steps.ask.answer }}")]
    assert bench.run(bench.runbook(*steps), "--yes")[0] == 0
    assert (bench.files / "note").read_text() == "spare: false"
    status, events = bench.run(bench.runbook(ask(default=False), note(bench, "x")), "--yes")
    assert (status, outcomes(events)) == (4, {"ask": "refused", "note": "skipped"})


def test_a_dry_run_asks_nobody_and_plans_on_a_sample(bench: Bench) -> None:
    steps = [ask(type="date"), note(bench, "until {{ steps.ask.answer }}")]
    status, events = bench.run(bench.runbook(*steps), "--dry-run")
    assert (status, outcomes(events)) == (0, {"ask": "unchanged", "note": "would-change"})


def test_an_answer_that_a_later_step_cannot_take_fails_that_step(bench: Bench) -> None:
    mode = {"id": "note", "task": "host.file"}
    mode["with"] = {"path": str(bench.files / "note"), "content": "", "mode": "{{ steps.ask.answer }}"}  # type: ignore[assignment]
    status, _, err = bench.stopgap("check", bench.runbook(ask(type="text"), mode), "-i", str(bench.inventory))
    assert status == 0, err
    status, events = bench.run(bench.runbook(ask(type="text"), mode), "--dry-run")
    assert (status, outcomes(events)) == (0, {"ask": "unchanged", "note": "unchanged"})
    run = bench.in_background(
        "run", bench.runbook(ask(type="text"), mode), "-i", str(bench.inventory), "-t", "a", "--wait"
    )
    wait_until_asked(bench)
    assert bench.stopgap("answer", "last", "ask", "rwx")[0] == 0
    out, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1, out
    assert "an error of its own" not in out


def test_a_resumed_run_knows_the_answers_of_the_steps_that_are_done(bench: Bench) -> None:
    fails = {"id": "bad", "task": "host.command", "with": {"argv": ["test", "-e", str(bench.files / "there")]}}
    steps = [ask(type="ticket", default="T-7"), fails, note(bench, "{{ steps.ask.answer }}")]
    assert bench.run(bench.runbook(*steps), "--yes")[0] == 1
    (bench.files / "there").touch()
    status, out, err = bench.stopgap("resume", "last", "--yes")
    assert status == 0, out + err
    assert (bench.files / "note").read_text() == "T-7"


def test_a_run_that_is_told_to_stop_while_it_waits_stops(bench: Bench) -> None:
    runbook = bench.runbook(ask(), note(bench, "x"))
    run = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--wait")
    wait_until_asked(bench)
    run.terminate()
    out, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130, out
    assert not (bench.files / "note").exists()
