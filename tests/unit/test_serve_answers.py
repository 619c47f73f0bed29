"""Questions on the page: answered as `stopgap answer` does, once, by whoever may."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.records import Answered, Asked, RunFinished
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.serve.asking import digest_of
from stopgap.orchestrator.serve.login import ProxyLogin
from stopgap.orchestrator.serve.permission import About, ReadOnly

from .bench import Bench
from .page import behind_proxy, page
from .story import CUT, started


class Waiting:
    """A run that waits, held by this process as a running one is."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.journal = Journal.open(home)
        self.run = self.journal.begin(started())
        self.journal.append(self.run, *CUT)

    def ask(self, step: str = "way", **question: Any) -> str:
        """Ask; give the question's name on the page."""
        fields = {"text": "Is the way in shut?", "reason": "It has to be known."} | question
        asked = Asked(step=step, target="web", question=Question(**fields), number=3, count=9)
        self.journal.append(self.run, asked)
        return digest_of(asked)

    def history(self) -> History:
        return self.journal.history(self.run)


@pytest.fixture
def waiting(bench: Bench) -> Iterator[Waiting]:
    made = Waiting(bench.top / "home")
    yield made
    made.journal.close()


def test_a_form_answers_the_question_and_the_run_hears_it_as_from_another_shell(
    waiting: Waiting, bench: Bench
) -> None:
    name = waiting.ask()
    served = page(waiting.home)
    assert "Is the way in shut?" in served.get("/questions")
    status, text = served.answer(waiting.run, name, served.mark(), answer="yes")
    assert (status, "Your answer is recorded." in text) == (200, True)
    (answer,) = waiting.history().answers
    assert (answer.step, answer.target, answer.answer, answer.by) == ("way", "web", "yes", "kei@noc1")
    assert served.questions() == []
    shown = json.loads(bench.stopgap("show", waiting.run, "--json")[1])
    assert [each["answer"] for each in shown["answers"]] == ["yes"]


def test_of_two_who_answer_at_once_the_second_is_told_who_was_first(waiting: Waiting) -> None:
    name = waiting.ask(type="choice", choices=("rebuilt", "cleaned"))
    login = ProxyLogin("X-Remote-User", "noc@desk")
    kei, mio = (behind_proxy(waiting.home, who, login=login) for who in ("kei", "mio"))
    marks = kei.mark(), mio.mark()
    assert kei.answer(waiting.run, name, marks[0], answer="cleaned")[0] == 200
    status, text = mio.answer(waiting.run, name, marks[1], answer="rebuilt")
    assert status == 409
    assert "kei via noc@desk answered first, cleaned; this answer, rebuilt, came too late and decides nothing" in text
    history = waiting.history()
    assert [(a.answer, a.by) for a in history.answers] == [("cleaned", "kei via noc@desk")]
    assert [(a.answer, a.by) for a in history.late_answers] == [("rebuilt", "mio via noc@desk")]
    assert "too late, no decision" in mio.get(f"/runs/{waiting.run}")


def test_who_answers_when_the_run_has_gone_on_and_ended_is_told_who_was_first(waiting: Waiting) -> None:
    name = waiting.ask()
    served = page(waiting.home)
    mark = served.mark()
    waiting.journal.append(
        waiting.run,
        Answered(step="way", target="web", question="Is the way in shut?", answer="yes", by="mio@noc2"),
        RunFinished(outcome="ok", exit_code=0),
    )
    status, text = served.answer(waiting.run, name, mark, answer="no")
    assert (status, "mio@noc2 answered first, yes; this answer, no, came too late" in text) == (409, True)
    assert [a.answer for a in waiting.history().answers] == ["yes"]


def test_who_answers_in_a_terminal_is_told_of_the_page_and_the_page_of_the_terminal(
    waiting: Waiting, bench: Bench
) -> None:
    name = waiting.ask()
    served = page(waiting.home)
    mark = served.mark()
    assert bench.stopgap("answer", waiting.run, "way", "no")[0] == 0
    assert served.answer(waiting.run, name, mark, answer="yes")[0] == 409
    second = waiting.ask(step="lift", text="Lift it?")
    assert served.answer(waiting.run, second, mark, answer="yes")[0] == 200
    status, _, err = bench.stopgap("answer", waiting.run, "lift", "no")
    assert (status, "answered by kei@noc1: yes" in err) == (4, True)


def test_an_answer_is_for_the_question_that_was_read_and_for_no_later_one(waiting: Waiting) -> None:
    first = waiting.ask()
    served = page(waiting.home)
    mark = served.mark()
    waiting.journal.append(
        waiting.run, Answered(step="way", target="web", question="Is the way in shut?", answer="yes", by="mio@noc2")
    )
    waiting.ask(text="Open the web server to everybody?")
    status, text = served.answer(waiting.run, first, mark, answer="yes")
    assert (status, "mio@noc2 answered first" in text) == (409, True)
    assert [a.question for a in waiting.history().answers] == ["Is the way in shut?"]


@pytest.mark.parametrize(
    ("question", "fields", "recorded"),
    [
        ({}, {"answer": " いいえ "}, "no"),
        ({"phrase": "lift web"}, {"answer": "Lift  web"}, "yes"),
        ({"type": "text"}, {"answer": "call 山田 back"}, "call 山田 back"),
        ({"type": "amount", "currency": "JPY"}, {"answer": "12,000"}, "12000"),
        ({"type": "date"}, {"answer": "2026-11-25T21:15+09:00"}, "2026-11-25T21:15:00+09:00"),
        (
            {"type": "decisions", "items": ("a", "b", "c")},
            {"word-1": "gone", "reason-1": "left out", "word-2": "accepted", "reason-2": "our own", "word-3": "open"},
            "1 gone; 2 accepted: our own; 3 open",
        ),
        (
            {"type": "decisions", "items": ("a", "b")},
            {"word-1": "gone", "answer": "1 accepted until 2027-01-31: ours; rest gone"},
            "1 accepted until 2027-01-31: ours; 2 gone",
        ),
    ],
    ids=["yes-no", "phrase", "text", "amount", "date", "decisions", "one-line"],
)
def test_each_kind_of_question_has_a_form(
    waiting: Waiting, question: dict[str, Any], fields: dict[str, str], recorded: str
) -> None:
    name = waiting.ask(**question)
    served = page(waiting.home)
    status, text = served.answer(waiting.run, name, served.mark(), **fields)
    assert status == 200, text
    assert [a.answer for a in waiting.history().answers] == [recorded]


@pytest.mark.parametrize(
    ("question", "fields", "told"),
    [
        ({}, {"answer": "maybe"}, "expected yes or no"),
        ({}, {}, "an empty answer"),
        ({"phrase": "lift web"}, {"answer": "yes"}, "is neither"),
        ({"type": "text"}, {"answer": "\u202egnirts"}, "does not fit"),
        ({"type": "decisions", "items": ("a", "b")}, {"word-1": "gone"}, "nothing is said of 2"),
        ({"type": "decisions", "items": ("a",)}, {"word-1": "accepted"}, "says no reason"),
    ],
)
def test_what_is_no_answer_is_told_beside_the_form_and_nothing_is_recorded(
    waiting: Waiting, question: dict[str, Any], fields: dict[str, str], told: str
) -> None:
    name = waiting.ask(**question)
    served = page(waiting.home)
    status, text = served.answer(waiting.run, name, served.mark(), **fields)
    assert (status, told in text, f'value="{name}"' in text) == (422, True, True)
    assert waiting.history().answers == ()


def test_who_may_only_look_gets_no_form_and_cannot_send_one(waiting: Waiting) -> None:
    name = waiting.ask()
    served = page(waiting.home, may=ReadOnly)
    text = served.get("/questions")
    assert f"stopgap answer {waiting.run} way VALUE" in text
    assert name not in re.findall(r'name="question" value="([0-9a-f]+)"', text)
    status, text = served.answer(waiting.run, name, served.mark("/"), answer="yes")
    assert (status, "kei@noc1 may only look here" in text) == (403, True)
    assert waiting.history().answers == ()


def test_one_function_is_asked_who_may_see_and_who_may_answer(waiting: Waiting) -> None:
    asked: list[tuple[str, str, About]] = []

    def may(person: str, action: str, about: About) -> bool:
        asked.append((person, action, about))
        return "web" not in about.targets

    waiting.ask()
    served = behind_proxy(waiting.home, "kei", may=may)
    assert waiting.run not in served.get("/") + served.get("/runs") + served.get("/questions")
    for path in ("", "/findings", "/report"):
        assert served.client.get(f"/runs/{waiting.run}{path}").status_code == 403
    assert served.client.get(f"/timeline?run={waiting.run}").status_code == 403
    assert served.client.get(f"/live/runs/{waiting.run}").status_code == 403
    assert ("kei", "view", About(waiting.run, "Contain a compromised web server", ("web",))) in asked


def test_a_run_that_has_ended_asks_nothing(waiting: Waiting) -> None:
    name = waiting.ask()
    served = page(waiting.home)
    mark = served.mark()
    waiting.journal.append(waiting.run, RunFinished(outcome="failed", exit_code=1))
    status, text = served.answer(waiting.run, name, mark, answer="yes")
    assert (status, "does not ask this now" in text) == (409, True)
    assert served.answer("nonsense", name, mark, answer="yes")[0] == 404


def test_the_question_and_its_reason_stand_in_the_readers_language(waiting: Waiting) -> None:
    waiting.ask(text_ja="侵入経路は塞ぎましたか。", reason_ja="確認が必要です。", default="no", timeout=600)
    served = page(waiting.home)
    text = served.get("/questions", "ja")
    assert "侵入経路は塞ぎましたか。" in text
    assert "10 分以内に回答がなければ no" in text
    assert "侵入経路は塞ぎましたか。" in served.get("/", "ja-JP,en;q=0.5")
