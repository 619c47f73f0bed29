"""What a run's records amount to, for runs that went well, broke off, and were taken back."""

from datetime import UTC, datetime, timedelta

import pytest

from stopgap.orchestrator.change import Activate, AnyChange, RunCommands, command, write_file
from stopgap.orchestrator.facts import ABSENT
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import Entry, History, JournalError
from stopgap.orchestrator.journal.fold import fold
from stopgap.orchestrator.journal.records import (
    AnyRecord,
    ChangeIntended,
    ChangeMade,
    CheckJudged,
    HostUnreachable,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    UndoIntended,
    UndoMade,
)

START = datetime(2026, 11, 23, 1, 13, tzinfo=UTC)
STARTED = RunStarted(
    version="0.1.0",
    runbook_name="Contain",
    runbook_path="contain.yaml",
    runbook_text="",
    inventory_path="lab.yaml",
    inventory_text="",
    hosts=(Host(name="web", address="203.0.113.10"),),
    targets=("web",),
    params={},
    operator="kei@noc",
)
DROP = RunCommands(about="drop", do=(command("nft", "add"),), undo=(command("nft", "delete"),), lasts=3600)
MASK = RunCommands(about="mask", do=(command("mask"),), undo=(command("unmask"),))
OPAQUE = RunCommands(about="opaque", do=(command("x"),), undo=None, opaque=True)
RELOAD = Activate(about="reload", test=(command("apachectl", "-t"),), take=(command("apachectl", "graceful"),))


def page(name: str) -> AnyChange:
    change = write_file(f"/var/www/{name}", "sorry\n", ABSENT)
    assert change is not None
    return change


def told(*records: AnyRecord, now: timedelta = timedelta(minutes=1), running: bool = False) -> History:
    """The history of these records, one a second, seen a while after the start."""
    entries = [Entry(i, START + timedelta(seconds=i), record) for i, record in enumerate((STARTED, *records))]
    return fold("r", entries, now=START + now, running=running)


def intend(step: str, *changes: AnyChange, first: int = 0) -> list[AnyRecord]:
    begun = StepStarted(step=step, target="web", host="web", name=step.title(), task="t")
    return [begun] + [
        ChangeIntended(step=step, target="web", host="web", index=first + i, change=change)
        for i, change in enumerate(changes)
    ]


def made(step: str, *outcomes: str) -> list[AnyRecord]:
    return [
        ChangeMade.model_validate({"step": step, "target": "web", "index": i, "outcome": outcome})
        for i, outcome in enumerate(outcomes)
    ]


def back(step: str, index: int, outcome: str = "undone") -> list[AnyRecord]:
    return [
        UndoIntended(step=step, target="web", index=index, because="operator"),
        UndoMade.model_validate({"step": step, "target": "web", "index": index, "outcome": outcome}),
    ]


def names(history: History) -> list[tuple[str, int]]:
    return [(change.step, change.index) for change in history.undoable()]


OK = RunFinished(outcome="ok", exit_code=0)


def test_a_run_without_an_end_is_running_while_its_process_lives_and_interrupted_after() -> None:
    assert told(running=True).state == "running"
    assert told().state == "interrupted"
    assert told(OK).state == "ok"
    assert told(OK, running=True).state == "ok"
    assert told(OK, *intend("again")).state == "interrupted"
    assert told(OK, *back("s", 0)).state == "ok"


def test_a_step_that_never_ended_has_no_outcome() -> None:
    ended = StepFinished(
        step="a", target="web", host="web", outcome="changed", seconds=1.5, force_until="2026-11-26T01:13:00+00:00"
    )
    skipped = StepFinished(step="c", target="web", host="web", outcome="skipped", reason="needs b")
    steps = told(*intend("a"), ended, *intend("b"), skipped).steps
    assert [(s.step, s.name, s.outcome) for s in steps] == [
        ("a", "A", "changed"),
        ("b", "B", None),
        ("c", "c", "skipped"),
    ]
    assert steps[0].force_until == START + timedelta(days=3)
    assert (steps[0].started, steps[0].finished) == (START + timedelta(seconds=1), START + timedelta(seconds=2))


@pytest.mark.parametrize(
    ("outcome", "stands", "to_undo"),
    [
        ("done", True, True),
        ("unknown", True, True),
        ("failed", False, True),
        ("drifted", False, False),
        ("not-run", False, False),
    ],
)
def test_what_was_made_or_may_have_been_is_in_force_and_what_may_be_half_made_can_be_undone(
    outcome: str, stands: bool, to_undo: bool
) -> None:
    history = told(*intend("mta", MASK), *made("mta", outcome))
    assert bool(history.in_force()) == stands
    assert bool(history.undoable()) == to_undo


def test_a_change_that_was_intended_and_never_heard_of_is_unknown() -> None:
    history = told(*intend("mta", MASK))
    assert [change.state for change in history.in_force()] == ["unknown"]
    assert names(history) == [("mta", 0)]


@pytest.mark.parametrize(
    ("outcome", "state", "to_undo"),
    [
        ("undone", "undone", False),
        ("failed", "undo-failed", True),
        ("drifted", "undo-drifted", True),
        ("unknown", "undo-unknown", True),
        ("no-undo", "no-undo", False),
    ],
)
def test_what_could_not_be_taken_back_stays_in_force(outcome: str, state: str, to_undo: bool) -> None:
    history = told(*intend("x", OPAQUE), *made("x", "done"), OK, *back("x", 0, outcome))
    assert [change.state for change in history.changes] == [state]
    assert bool(history.in_force()) == (state != "undone")
    assert bool(history.undoable()) == to_undo


def test_an_undo_that_broke_off_is_unknown_and_is_tried_again() -> None:
    history = told(*intend("mta", MASK), *made("mta", "done"), *back("mta", 0)[:1])
    assert history.changes[0].state == "undo-unknown"
    assert names(history) == [("mta", 0)]
    assert names(told(*intend("mta", MASK), *made("mta", "done"), *back("mta", 0)[:1], *back("mta", 0))) == []


def test_undo_goes_backwards_and_activates_last_in_its_step() -> None:
    done = ["done", "done", "done"]
    history = told(
        *intend("mta", MASK, page("m")), *made("mta", "done", "done"),
        *intend("web", page("a"), page("b"), RELOAD), *made("web", *done),
    )  # fmt: skip
    assert names(history) == [("web", 1), ("web", 0), ("web", 2), ("mta", 1), ("mta", 0)]
    assert [(c.step, c.index) for c in history.undoable("mta")] == [("mta", 1), ("mta", 0)]
    assert history.undoable("nothing") == ()


def test_an_activation_is_never_in_force_by_itself_and_is_repeated_until_the_daemon_was_told() -> None:
    step = [*intend("web", page("a"), RELOAD), *made("web", "done", "done")]
    assert [c.index for c in told(*step).in_force()] == [0]
    half = told(*step, *back("web", 0))
    assert half.in_force() == ()
    assert names(half) == [("web", 1)]
    assert names(told(*step, *back("web", 0), *back("web", 1))) == []


def test_an_activation_that_never_ran_is_not_undone() -> None:
    assert names(told(*intend("web", page("a"), RELOAD), *made("web", "done", "not-run"))) == [("web", 0)]
    refused = told(*intend("web", page("a"), RELOAD), *made("web", "done", "failed"), *back("web", 0))
    assert names(refused) == []


def test_what_ends_by_itself_is_in_force_until_then_and_its_remains_can_be_undone() -> None:
    cut = [*intend("cut", DROP), *made("cut", "done")]
    assert told(*cut).in_force()[0].ends == START + timedelta(seconds=3 + 3600)
    later = told(*cut, now=timedelta(hours=2))
    assert later.in_force() == ()
    assert later.changes[0].expired
    assert names(later) == [("cut", 0)]


def test_a_step_planned_anew_goes_on_counting_and_forgets_nothing() -> None:
    first = [*intend("web", page("a"), page("b")), *made("web", "done")]
    assert told(*first).next_index("web", "web") == 2
    assert told(*first).next_index("web", "spare") == 0
    resumed = told(*first, *intend("web", page("c"), first=2))
    assert names(resumed) == [("web", 2), ("web", 1), ("web", 0)]
    clash = told(*first, *intend("web", page("c")), *back("web", 0))
    assert [(c.index, c.state) for c in clash.changes] == [(0, "done"), (1, "unknown"), (0, "undone")]


def look(vantage: str, holds: bool | None) -> CheckJudged:
    return CheckJudged(
        step="cut",
        target="web",
        vantage=vantage,
        about="port 80 is silent",
        holds=holds,
        seen="silent",
        containment=True,
    )


def test_containment_knows_when_it_was_made_when_proved_by_whom_and_until_when() -> None:
    cut = [*intend("cut", DROP), *made("cut", "done"), look("spare", False), look("spare", True), look("isp", True)]
    contained = RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})
    history = told(*cut, contained)
    (containment,) = history.containment
    assert containment.verdict == "contained"
    assert containment.cut_at == START + timedelta(seconds=3)
    assert containment.proved_at == START + timedelta(seconds=6)
    assert [(proof.vantage, proof.holds) for proof in containment.proofs] == [("spare", True), ("isp", True)]
    assert containment.until == START + timedelta(seconds=3603)
    assert containment.in_force
    assert not told(*cut, contained, *back("cut", 0)).containment[0].in_force
    assert not told(*cut, contained, now=timedelta(hours=2)).containment[0].in_force
    assert told(*cut).containment[0].verdict == "unverified"


def test_a_containment_that_was_found_as_it_should_be_is_in_force_without_a_change() -> None:
    contained = RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})
    (containment,) = told(*intend("cut"), look("spare", True), contained).containment
    assert (containment.cut_at, containment.in_force) == (None, True)


def test_hosts_that_were_not_reached_are_kept_with_the_reason() -> None:
    assert told(HostUnreachable(host="web", reason="timeout")).unreachable == {"web": "timeout"}


def test_records_without_a_beginning_are_an_error_and_stray_ones_are_passed_over() -> None:
    with pytest.raises(JournalError, match="first record"):
        fold("r", [], now=START, running=False)
    assert told(*made("nowhere", "done"), *back("nowhere", 3)).changes == ()
