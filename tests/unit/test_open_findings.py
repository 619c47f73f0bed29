"""What a paper calls open: every finding that nobody has shown to be gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgap.orchestrator.decision import parse_decisions, written_decisions
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incidents import Incident, Told
from stopgap.orchestrator.journal.open_findings import open_findings
from stopgap.orchestrator.journal.records import AnyRecord, FindingNoted, FindingsMade
from stopgap.orchestrator.report import report
from stopgap.orchestrator.report.incident import build_incident
from stopgap.orchestrator.report.render import in_form
from stopgap.orchestrator.run.standing import hosts_stand
from stopgap.orchestrator.severity import SEVERITIES
from stopgap.orchestrator.source import Unfit

from .story import CONTAINED, Lang, answered, told

LANGUAGES: tuple[Lang, ...] = ("en", "ja")
FORMS: tuple[Literal["html", "md"], ...] = ("html", "md")
RULES = ("a", "b", "c", "d")
WORST = dict(zip(RULES, SEVERITIES, strict=False))


def seen(*rules: str, folder: str = "evidence/web/triage") -> FindingsMade:
    found = [FindingNoted(id=r, severity=WORST[r], title=f"Rule {r}", count=1, first=f"/tmp/{r}") for r in rules]
    return FindingsMade(
        step="look", target="web", host="web", profile="triage", folder=folder, findings=tuple(found), rules=9,
        not_looked=0, sha256=None,
    )  # fmt: skip


def decided(line: str, *rules: str) -> list[AnyRecord]:
    return answered("Which of these are gone?", line, type="decisions", items=rules)


REBUILT = answered("Rebuilt?", "rebuilt", type="choice", choices=("rebuilt", "cleaned"), rebuilt="rebuilt")


def states(*records: AnyRecord) -> dict[str, str]:
    return {each.finding.id: each.state for each in open_findings([told(records)])}


def test_what_nobody_was_asked_about_is_open() -> None:
    assert states(seen("a", "d")) == {"a": "undecided", "d": "undecided"}


def test_what_was_accepted_stays_open_with_reason_and_person() -> None:
    (each,) = open_findings([told([seen("a"), *decided("1 accepted until 2099-01-01: our own tool", "a")])])
    assert (each.state, each.reason, each.by, str(each.until)) == (
        "accepted",
        "our own tool",
        "kei@noc1",
        "2099-01-01",
    )


def test_an_acceptance_ends() -> None:
    assert states(seen("a"), *decided("1 accepted until 2026-11-22: until the weekend", "a")) == {
        "a": "acceptance-ended"
    }


def test_what_is_gone_is_closed_until_a_later_look_sees_it() -> None:
    gone = [seen("a", "b"), *decided("all gone", "a", "b")]
    assert states(*gone) == {}
    assert states(*gone, seen("b", folder="evidence/web/again")) == {"b": "seen-again"}


def test_a_rebuilt_host_has_the_findings_of_later_looks_alone() -> None:
    assert states(seen("a", "b"), *decided("1 gone; 2 open", "a", "b"), *REBUILT, seen("c")) == {"c": "undecided"}


def test_the_question_of_version_0_1_decides_too() -> None:
    old = answered("a (critical): Rule a: resolved, or accepted?", "resolved", type="choice",
                   choices=("resolved", "accepted", "open"), refusing=("open",))  # fmt: skip
    assert states(seen("a"), *old) == {}


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        ("all gone", "1-4 gone"),
        ("1-3 gone; 4 accepted: our tool", "1-3 gone; 4 accepted: our tool"),
        ("4 open; rest gone: rebuilt from media", "1-3 gone: rebuilt from media; 4 open"),
        ("1,3 駆除済み; 2, 4 リスク受容： 監視ソフト", "1, 3 gone; 2, 4 accepted: 監視ソフト"),
        ("1 accepted until 2026-12-31: later; 2-4 gone", "1 accepted until 2026-12-31: later; 2-4 gone"),
    ],
)
def test_one_line_decides_the_whole_list(line: str, canonical: str) -> None:
    read = parse_decisions(line, RULES)
    assert written_decisions(read) == canonical
    assert parse_decisions(canonical, RULES) == read
    assert [each.item for each in read] == list(RULES)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1-3 gone", "nothing is said of 4"),
        ("all accepted", "says no reason"),
        ("all gone; 2 open", "2 is decided twice"),
        ("1-9 gone", "1-9 is not on the list"),
        ("3-1 gone; rest open", "3-1 is not on the list"),
        ("99999999999 gone", "is no number of the list"),
        ("yes", "is no decision"),
        ("", "nothing is said of 1-4"),
        ("all gone until 2026-12-31", "only what is accepted has an end"),
        ("all accepted until 2026-13-31: x", "is no date"),
    ],
)
def test_a_line_that_does_not_decide_everything_once_is_refused(line: str, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        parse_decisions(line, RULES)


@given(st.lists(st.sampled_from(["gone", "open", "accepted: x", "accepted until 2026-12-31: y"]), min_size=1))
def test_any_decisions_are_read_as_written(words: Sequence[str]) -> None:
    items = [f"rule-{n}" for n in range(len(words))]
    line = "; ".join(f"{n} {word}" for n, word in enumerate(words, 1))
    read = parse_decisions(line, items)
    assert parse_decisions(written_decisions(read), items) == read


def _decide(count: int) -> str:
    return "Decide on 1 open finding" if count == 1 else f"Decide on {count} open findings"


LOOK = st.sets(st.sampled_from(RULES)).map(lambda rules: ("look", tuple(sorted(rules))))
WORD = st.sampled_from(["gone", "open", "accepted: a reason"])
ASK = st.dictionaries(st.sampled_from(RULES), WORD, min_size=1).map(lambda said: ("decide", tuple(said.items())))
EVENTS = st.lists(st.one_of(LOOK, ASK, st.just(("rebuilt", ()))), max_size=8)


def story(runs: Sequence[Sequence[tuple[str, tuple[object, ...]]]]) -> tuple[list[History], set[str]]:
    """Give the runs, and by plain bookkeeping what is open after the last of them."""
    histories: list[History] = []
    open_: set[str] = set()
    known: set[str] = set()
    for number, events in enumerate(runs):
        records: list[AnyRecord] = []
        for place, (kind, what) in enumerate(events):
            if kind == "look":
                records.append(seen(*map(str, what), folder=f"evidence/web/{number}-{place}"))
                known |= {str(rule) for rule in what}
                open_ |= {str(rule) for rule in what}
            elif kind == "rebuilt":
                records += REBUILT
                open_, known = set(), set()
            else:
                said = dict(what)  # type: ignore[call-overload]
                line = "; ".join(f"{n} {word}" for n, word in enumerate(said.values(), 1))
                records += decided(line, *said)
                gone = {rule for rule, word in said.items() if word == "gone"}
                open_ = (open_ - gone) | (known & (set(said) - gone))
        histories.append(told(records, hour=number))
    return histories, open_


@given(st.lists(EVENTS, min_size=1, max_size=3))
def test_no_paper_says_less_is_open_than_the_journal_knows(
    runs: Sequence[Sequence[tuple[str, tuple[object, ...]]]],
) -> None:
    histories, left = story(runs)
    noon = Told(datetime(2026, 11, 23, 1, 0, tzinfo=UTC), "kei@noc1", "")
    built = build_incident(Incident("shop", noon, (), None, tuple(h.run for h in histories)), histories)
    assert sum(count for point in built.open for _, count in point.counts) == len(left)
    assert (built.tone == "good") <= (not left)
    for lang in LANGUAGES:
        for form in FORMS:
            page = in_form(built, format=form, lang=lang)
            assert ("no open point" in page or "未解決の項目はありません" in page) == (not built.open)
    left_to_decide = [point for point in built.open if point.kind != "findings-accepted"]
    to_decide = sum(count for point in left_to_decide for _, count in point.counts)
    first = [action for action in built.actions if action.kind == "findings"]
    assert [action.text for action in first] == ([_decide(to_decide)] if to_decide else [])
    cut = told([*CONTAINED])
    for host in hosts_stand([cut, *histories], "shop"):
        of_cut = len([f for f in open_findings([cut, *histories]) if f.state != "accepted"])
        assert host.open_findings == of_cut >= to_decide
    single, rest = story(runs[:1])
    points = json.loads(report(single[0], format="json"))["open"]
    assert sum(count for point in points for _, count in point["counts"]) == len(rest)
