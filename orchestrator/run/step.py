"""Run one planned step on one target: ask, apply, collect, prove, record."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from stopgap.orchestrator.journal import JournalError
from stopgap.orchestrator.journal.error_files import own_error
from stopgap.orchestrator.journal.records import CheckJudged, StepFinished, StepStarted
from stopgap.orchestrator.outcome import CARRIED_OUT, DONE, FAILURES, MAY_STAND, Outcome
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.question import AnswerValue, Question
from stopgap.orchestrator.run.applied import Applied
from stopgap.orchestrator.run.ask import ask
from stopgap.orchestrator.run.collect import collect
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.deliver import deliver
from stopgap.orchestrator.run.prove import prove
from stopgap.orchestrator.run.undo_request import lift
from stopgap.orchestrator.run.verdict import leaks
from stopgap.orchestrator.task import Gap, Note
from stopgap.orchestrator.text import moment_text, tr


@dataclass(frozen=True)
class Ended:
    """The end of a step: outcome and reason."""

    outcome: Outcome
    reason: str = ""
    judged: tuple[CheckJudged, ...] = ()
    answer: AnswerValue | None = None
    gaps: tuple[Gap, ...] = ()
    """Gaps found in addition to the gaps of the plan."""
    at: float = field(default_factory=time.monotonic, compare=False)
    """The end of the step (time.monotonic)."""


def nothing() -> None:
    """Tell nobody that the changes of a step are made."""


def run_step(step: PlannedStep, context: RunContext, made: Callable[[], None] = nothing) -> Ended:
    """Run a planned step and record every result; call `made` before the checks. Raises JournalError only."""
    began = time.monotonic()
    context.record.begin(step)
    context.record(started(step))
    try:
        ended = _carry_out(step, context, made)
    except OutOfReach as error:
        ended = Ended(Outcome.UNREACHABLE, str(error))
    except JournalError:
        raise
    except Exception as error:  # an internal error ends the step, and no other step
        ended = Ended(Outcome.FAILED, own_error(error))
    context.record(finished(step, ended, time.monotonic() - began))
    return ended


def started(step: PlannedStep) -> StepStarted:
    """Return the record of a step's start."""
    return StepStarted(
        step=step.key,
        target=step.target.name,
        host=_host(step),
        name=step.name,
        task=step.step.task,
        outage=bool(step.services_out),
        services_out=step.services_out,
        number=step.number,
    )


def finished(step: PlannedStep, ended: Ended, seconds: float) -> StepFinished:
    """Return the record of a step's end, with the duration in seconds."""
    in_force = ended.outcome in MAY_STAND and step.lasts is not None
    until = datetime.now(UTC) + timedelta(seconds=step.lasts) if in_force and step.lasts else None
    return StepFinished(
        step=step.key,
        target=step.target.name,
        host=_host(step),
        outcome=ended.outcome,
        reason=ended.reason,
        seconds=round(seconds, 3),
        notes=tuple(_dated(note) for note in step.notes),
        deadlines={
            _dated(note): (datetime.now(UTC) + note.after).isoformat(timespec="seconds")
            for note in step.notes
            if note.after is not None
        },
        figures=dict(note.figure for note in step.notes if note.figure),
        gaps=tuple(dict.fromkeys(gap.text for gap in (*step.gaps, *ended.gaps))),
        force_until=until.isoformat(timespec="seconds") if until else None,
    )


def _host(step: PlannedStep) -> str:
    return step.on.name if step.on else step.target.name


def _carry_out(step: PlannedStep, context: RunContext, made: Callable[[], None]) -> Ended:
    ended = make(step, agree(step, context), context)
    if ended.outcome in FAILURES or not step.checks:
        return ended
    made()
    return proved(step, ended, context)


def agree(step: PlannedStep, context: RunContext) -> Ended:
    """Ask the questions of the step; `unchanged` allows the step to continue."""
    if step.outcome not in CARRIED_OUT:
        return Ended(step.outcome.as_ended(), step.reason)
    value: AnswerValue | None = None
    said = ""
    for question in step.questions:
        answer = ask(step, question, context.person, context.record, context.interruption)
        if answer is None:
            return Ended(Outcome.REFUSED, _unanswered(question, context))
        if question.refuses(answer.says):
            return Ended(
                Outcome.REFUSED,
                tr("{by} answered {says}: {question}", says=answer.says, by=answer.by, question=question.text),
            )
        if question == step.answer_to:
            value = question.value(answer.says)
            said = tr("{says}, by {by}", says=answer.says, by=answer.by)
    return Ended(Outcome.UNCHANGED, said, answer=value)


def make(step: PlannedStep, agreed: Ended, context: RunContext) -> Ended:
    """Carry out the step, if `agree` allows; run no checks yet. Raises OutOfReach."""
    if agreed.outcome != Outcome.UNCHANGED:
        return agreed
    outcome = Outcome.UNCHANGED
    said = agreed.reason
    for collection in step.collections:
        with nullcontext() if collection.beside else context.vault.turn(context.interruption):
            kept = collect(
                step,
                collection,
                context.pool,
                context.record,
                context.vault,
                context.interruption,
                context.judging,
                context.background,
            )
        if kept.trouble:
            return Ended(Outcome.FAILED, kept.trouble)
        if not step.changes:
            wire = tr(", {wire} MB over the wire", wire=f"{kept.wire / 1e6:.1f}") if kept.wire is not None else ""
            earlier = tr(", {earlier} of them taken before", earlier=kept.earlier) if kept.earlier else ""
            said = tr(
                "{items} items{earlier}, {size} MB{wire}",
                items=kept.items,
                earlier=earlier,
                size=f"{kept.size / 1e6:.1f}",
                wire=wire,
            )
    if step.changes:
        applied = context.shared.apply(step, context.pool, context.record, context.interruption)
        if applied.outcome != "done":
            return Ended(unapplied(applied), applied.reason)
        outcome, said = Outcome.CHANGED, applied.reason or said
    if step.undo_requests:
        lifted = lift(step, context.pool, context.archive, context.record, context.interruption)
        if lifted.outcome not in DONE:
            return Ended(lifted.outcome, lifted.said)
        outcome, said = lifted.outcome, lifted.said
    if step.messages:
        delivered = deliver(step, context.record, context.vault.run_folder, context.interruption)
        if delivered.outcome in FAILURES:
            return Ended(delivered.outcome, delivered.said)
        outcome = Outcome.CHANGED if step.changes else delivered.outcome
        said = delivered.said
    return Ended(outcome, said, answer=agreed.answer)


def unapplied(applied: Applied) -> Outcome:
    """Return the outcome of a step with changes not applied."""
    match applied.outcome:
        case "drifted":
            return Outcome.REFUSED
        case "unknown":
            return Outcome.UNKNOWN
        case "done" | "failed" | "not-run":
            return Outcome.FAILED
        case _:
            assert_never(applied.outcome)


def proved(step: PlannedStep, ended: Ended, context: RunContext) -> Ended:
    """Run the checks of a step successful so far, record the observations, return the end of the step."""
    began = time.monotonic()
    judged = prove(step, context.pool, context.interruption.requested, context.shared) if step.checks else []
    context.record(*judged)
    if wrong := [c for c in judged if c.holds is False and not c.one_sided]:
        lacking = leaks(wrong) or [
            tr("{about}: {seen}, seen from {vantage}", about=c.about, seen=c.seen, vantage=c.vantage) for c in wrong
        ]
        why = tr("made, but {why}", why=lacking[0]) if ended.outcome == Outcome.CHANGED else lacking[0]
        return Ended(Outcome.FAILED, why, tuple(judged))
    watched = max((check.steady for check in step.checks), default=0.0)
    if context.interruption.requested.is_set() and time.monotonic() - began < watched:
        return Ended(Outcome.UNKNOWN, tr("stopped before its time was over"), tuple(judged))
    return replace(ended, judged=tuple(judged))


def unproved(step: PlannedStep, ended: Ended) -> CheckJudged:
    """Return the proof of a failed containment step: checks without an observation."""
    return CheckJudged(
        step=step.key,
        target=step.target.name,
        vantage="controller",
        about=step.name,
        holds=None,
        seen=ended.reason or ended.outcome,
        containment=True,
    )


def _unanswered(question: Question, context: RunContext) -> str:
    if context.interruption.requested.is_set():
        return tr("interrupted before it was answered")
    if not context.person.can_answer(question):
        return tr("nobody was there to ask")
    return (
        tr("nobody answered within {timeout} s", timeout=f"{question.timeout:g}")
        if question.timeout
        else tr("it was not answered")
    )


def _dated(note: Note) -> str:
    return note.dated(datetime.now(UTC), moment_text)
