"""A step on several upstreams of a target: agreed, applied in parallel, then kept on all or rolled back on all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from stopgap.orchestrator.journal.records import CheckJudged
from stopgap.orchestrator.outcome import DONE, FAILURES, Outcome
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.plan.results import kept, uncut
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.prove import prove
from stopgap.orchestrator.run.step import (
    Ended,
    agree,
    finished,
    make,
    nothing,
    proved,
    started,
    unproved,
)
from stopgap.orchestrator.run.undo import undo
from stopgap.orchestrator.text import tr


def run_on_several(
    steps: Sequence[PlannedStep], context: RunContext, made: Callable[[], None] = nothing
) -> list[Ended]:
    """Run a step on all of its hosts and return the outcome for each. Raises JournalError only.

    `made` is called before the checks, unless the step failed.

    No change begins before consent for every host, and no check before all changes: packets may take any path. After
    a failure on one host the changes on the other hosts are rolled back, except for a task with `keeps_partial`, or
    after an interruption: the operator then decides.
    """
    began = time.monotonic()
    for step in steps:
        context.record.begin(step)
    context.record(*map(started, steps))
    ended = [agree(step, context) for step in steps]
    keeps = kept(steps)
    if keeps or not _failed(steps, ended):
        with ThreadPoolExecutor(len(steps), "upstream") as workers:
            ended = list(workers.map(lambda step, agreed: _make(step, agreed, context), steps, ended))
    if not keeps and (failed := _failed(steps, ended)) and not context.interruption.requested.is_set():
        ended = _taken_back(steps, ended, failed, context)
    if not _failed(steps, ended) or (keeps and any(end.outcome in DONE for end in ended)):
        made()
    with ThreadPoolExecutor(len(steps), "upstream") as workers:
        looking = _each_look_once(steps, ended, keeps)
        ended = list(workers.map(lambda step, made: _proved(step, made, context, kept=keeps), looking, ended))
    seconds = time.monotonic() - began
    context.record(*(finished(step, end, seconds) for step, end in zip(steps, ended, strict=True)))
    return ended


def _make(step: PlannedStep, agreed: Ended, context: RunContext) -> Ended:
    try:
        return make(step, agreed, context)
    except OutOfReach as error:
        return Ended(Outcome.UNREACHABLE, str(error))


def _proved(step: PlannedStep, made: Ended, context: RunContext, *, kept: bool) -> Ended:
    """Run the checks; if other upstreams are kept, measure traffic through the failed upstream."""
    if made.outcome not in FAILURES:
        return proved(step, made, context) if step.checks else made
    packets = replace(step, checks=tuple(check for check in step.checks if check.containment))
    if not kept:
        return made
    gaps = (uncut(step, made.reason or made.outcome),) if tasks()[step.step.task].contains else ()
    judged: tuple[CheckJudged, ...] = ()
    if packets.checks:
        judged = (*prove(packets, context.pool, context.interruption.requested, context.shared), unproved(step, made))
        context.record(*judged)
    return replace(made, judged=judged, gaps=gaps)


def _failed(steps: Sequence[PlannedStep], ended: Sequence[Ended]) -> str:
    """Return the first failed host with the reason; empty without a failure."""
    for step, end in zip(steps, ended, strict=True):
        if end.outcome in FAILURES:
            place = step.on.name if step.on else step.target.name
            match end.outcome:
                case "unreachable":
                    return tr("{host} is unreachable", host=place)
                case "refused":
                    return tr("{host} was refused", host=place)
                case "unknown":
                    return tr("{host} did not say how it ended", host=place)
                case _:
                    return tr("{host} failed", host=place)
    return ""


def _taken_back(
    steps: Sequence[PlannedStep], ended: Sequence[Ended], failed: str, context: RunContext
) -> list[Ended]:
    """Roll back changes of this step, made by this process or an earlier process, partial changes included."""
    places = {(step.key, step.target.name) for step in steps}
    history = context.record.history()
    changes = [change for change in history.undoable() if (change.step, change.target) in places]
    undone = undo(
        history, changes, context.pool, context.record, interruption=context.interruption, because="step-failed"
    )
    taken = {made.step for made in undone.made}
    left = {made.step: made.reason or made.outcome for made in undone.made if made.outcome != "undone"}
    left |= {c.step: reason for host, reason in undone.unreachable.items() for c in changes if c.host == host}

    def after(step: PlannedStep, end: Ended) -> Ended:
        if end.outcome in FAILURES:
            return end
        if step.key in left:
            return Ended(
                Outcome.FAILED,
                tr("{failed}, and this could not be taken back: {left}", failed=failed, left=left[step.key]),
            )
        if step.key in taken:
            return Ended(
                Outcome.FAILED,
                tr("{failed}, and this was taken back: it is done on all upstreams or on none", failed=failed),
            )
        return Ended(Outcome.SKIPPED, failed) if step.changes else end

    return [after(step, end) for step, end in zip(steps, ended, strict=True)]


def _each_look_once(steps: Sequence[PlannedStep], ended: Sequence[Ended], keeps: bool) -> list[PlannedStep]:
    """Drop checks already made for an earlier upstream: same vantage hosts, same subject."""
    made: set[tuple[object, tuple[str, ...]]] = set()
    once = []
    for step, end in zip(steps, ended, strict=True):
        looks = {check: (check, tuple(vantage.name for vantage in step.vantages(check))) for check in step.checks}
        once.append(replace(step, checks=tuple(check for check, look in looks.items() if look not in made)))
        if keeps or end.outcome not in FAILURES:
            made.update(looks.values())
    return once
