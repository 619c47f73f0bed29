"""Batch consecutive, independent steps on one host into one exchange, as a single script would."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from stopgap.orchestrator.journal.records import StepFinished
from stopgap.orchestrator.outcome import CARRIED_OUT, DONE, Outcome
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.run.applied import Applied
from stopgap.orchestrator.run.apply import apply_steps
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.step import Ended, finished, proved, started, unapplied
from stopgap.orchestrator.text import tr

AT_ONCE = 16
"""Most steps in one exchange."""


def together(
    first: PlannedStep, rest: Sequence[PlannedStep], may: Callable[[PlannedStep], bool]
) -> list[PlannedStep]:
    """Return the first step with the following steps of the same exchange, in order.

    `rest` holds the later planned steps; `may` tells if a step stands as planned, given success of the steps before.
    """
    group = [first]
    for step in rest:
        last = group[-1]
        if len(group) == AT_ONCE or not _may_be_followed(last) or not _may_follow(step):
            break
        if step.place != first.place or step.number - last.number > 1 or not may(step):
            break
        group.append(step)
    return group


def run_together(steps: Sequence[PlannedStep], context: RunContext) -> list[Ended]:
    """Run a batch of `together` and record every step. Raises JournalError only."""
    began = time.monotonic()
    for step in steps:
        context.record.begin(step)
    context.record(*map(started, steps))
    changing = [step for step in steps if step.changes]
    applied: dict[str, Applied] = {}
    unreachable = ""
    try:
        made = apply_steps(changing, context.pool, context.record, context.interruption) if changing else []
        applied = {step.key: result for step, result in zip(changing, made, strict=True)}
    except OutOfReach as error:
        unreachable = str(error)
    ended: list[Ended] = []
    records: list[StepFinished] = []
    stopped = ""
    for step in steps:
        one = _ended(step, applied.get(step.key), unreachable, stopped, context)
        if one.outcome == "skipped":
            stopped = stopped or one.reason
        elif one.outcome not in DONE:
            stopped = stopped or tr("{id} failed", id=step.step.id)
        ended.append(one)
        records.append(finished(step, one, time.monotonic() - began))
    context.record(*records)
    return ended


def _ended(step: PlannedStep, applied: Applied | None, unreachable: str, stopped: str, context: RunContext) -> Ended:
    if stopped:
        return Ended(Outcome.SKIPPED, stopped)
    if step.changes and unreachable:
        return Ended(Outcome.UNREACHABLE, unreachable)
    if applied and applied.outcome == "not-run":
        return Ended(Outcome.SKIPPED, tr("interrupted before it was begun"))
    if applied and applied.outcome != "done":
        return Ended(unapplied(applied), applied.reason)
    return proved(step, Ended(Outcome.CHANGED if step.changes else Outcome.UNCHANGED), context)


def _may_follow(step: PlannedStep) -> bool:
    does_more = step.questions or step.messages or step.collections or step.undo_requests
    hangs_on = step.step.uses_results or step.on_past or step.one_of_several
    settled = step.outcome in CARRIED_OUT and step.step.retry.attempts == 1
    return settled and not does_more and not hangs_on and all(change.repeatable for change in step.changes)


def _may_be_followed(step: PlannedStep) -> bool:
    """Return True for a step with changes alone, if a failure of the step skips the remaining steps."""
    return _may_follow(step) and not step.checks and step.step.on_failure == "stop"
