"""A verdict is drawn anew from looks of now; what a run said is told as what it was."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cli.verdicts import show_again
from stopgap.orchestrator.journal.records import CheckJudged, RunFinished, StepFinished, Verdict
from stopgap.orchestrator.run.again import look_again
from stopgap.orchestrator.run.device_state import Seen
from stopgap.orchestrator.run.verdict import Again
from stopgap.orchestrator.task import Gap, Standing

from .story import DROP, change, look, step, told

KNOCK = CheckJudged(
    step="cut-off",
    target="web",
    vantage="spare",
    about="port 22 is silent",
    holds=True,
    seen="silent",
    containment=True,
)
CONTAINED = RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})


def seen(state: str | None = "in-force", *judged: CheckJudged, gaps: tuple[Gap, ...] = (), trouble: str = "") -> Seen:
    standing = Standing(key="web", state=state) if state else None  # type: ignore[arg-type]
    return Seen(
        "cut-off", "web", "edge", standing, judged=judged or (KNOCK,), gaps=gaps, trouble=trouble, contains=True
    )


def again(*looks: Seen, finished: RunFinished = CONTAINED, more: tuple[StepFinished, ...] = ()) -> Again:
    cut = step(
        "cut-off", "edge", "Drop its packets", "traffic.block", *change("cut-off", "edge", DROP), look("spare", "x")
    )
    history = told([*cut, *more, finished])
    (found,) = look_again(history, looks)
    return found


def test_what_still_holds_is_contained_now() -> None:
    assert again(seen()).now == "contained"


@pytest.mark.parametrize(
    ("look_of_now", "reason"),
    [
        (seen("gone"), "gone on edge"),
        (seen("changed"), "changed on edge"),
        (seen("in-force", KNOCK.model_copy(update={"holds": False, "seen": "open"})), "port 22 is silent: open"),
        (seen(gaps=(Gap(text="203.0.113.12 is on web's eth0", at_best="partly"),)), "203.0.113.12 is on web's eth0"),
    ],
)
def test_what_holds_no_more_is_told_with_what_the_run_said_and_when(look_of_now: Seen, reason: str) -> None:
    found = again(look_of_now)
    assert (found.was, found.now, found.worse) == ("contained", "partly", True)
    assert found.reasons[0].startswith(reason)


def test_what_cannot_be_seen_again_is_not_said() -> None:
    for blind in (
        seen(None, trouble="nft is not installed there"),
        seen("in-force", KNOCK.model_copy(update={"holds": None})),
    ):
        found = again(blind)
        assert (found.now, found.unseen) == ("unverified", True)
    assert again().now is None


def test_a_router_where_it_was_never_made_keeps_the_verdict_down() -> None:
    failed = StepFinished(
        step="cut-off@second", target="web", host="second", outcome="unreachable", reason="no route"
    )
    finished = RunFinished(outcome="unreachable", exit_code=3, containment={"web": "partly"})
    found = again(seen(), finished=finished, more=(failed,))
    assert (found.now, found.reasons) == ("partly", ("not done on second: no route",))


@pytest.mark.parametrize(
    ("was", "now", "line"),
    [
        ("contained", "partly", "web was contained at Wed 1 Jan 01:06 UTC; not any more: gone on edge."),
        (
            "contained",
            "unverified",
            "web was contained at Wed 1 Jan 01:06 UTC; it could not be seen again: gone on edge.",
        ),
        ("contained", "contained", "web is contained."),
        ("contained", None, "web was contained at Wed 1 Jan 01:06 UTC; not looked at again."),
        ("unverified", "partly", "web is partly contained: gone on edge."),
        ("partly", "partly", "web is partly contained: gone on edge."),
    ],
)
def test_the_words_of_a_verdict(
    capsys: pytest.CaptureFixture[str], was: Verdict, now: Verdict | None, line: str
) -> None:
    reasons = ("gone on edge",) if now in {"partly", "unverified"} else ()
    show_again(Screen(sys.stdout), Again("web", was, datetime(2025, 1, 1, 1, 6, tzinfo=UTC), now, reasons))
    assert " ".join(capsys.readouterr().out.split()) == line
