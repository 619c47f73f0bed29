"""The predicted and combined results of a step, and what one failed upstream means for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stopgap.orchestrator.outcome import WORST_FIRST, Outcome, PlannedOutcome
from stopgap.orchestrator.plan.model import PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import StepResult
from stopgap.orchestrator.task import Gap
from stopgap.orchestrator.text import tr

_NOT_DONE = frozenset({PlannedOutcome.UNREACHABLE, PlannedOutcome.REFUSED, PlannedOutcome.WOULD_FAIL})
"""Planned outcomes of a step without execution."""


def predicted_result(step: PlannedStep) -> StepResult:
    """Return the predicted result, for later steps; a sample stands in for a missing answer."""
    outcome = step.outcome.as_ended()
    return StepResult(outcome, step.answer_to.sample(), sampled=True) if step.answer_to else StepResult(outcome)


def kept(steps: Sequence[PlannedStep]) -> bool:
    """Return True if a step on several upstreams stays in force after a failure on another upstream."""
    return len(steps) > 1 and any(step.keeps for step in steps)


def counting(results: Sequence[StepResult], keeps: bool) -> list[StepResult]:
    """Return the decisive results over several upstreams; with `keeps`, a single success is enough."""
    held = [result for result in results if result.succeeded]
    return held if keeps and held else list(results)


def uncut(step: PlannedStep, reason: str) -> Gap:
    """Return the gap left by a containment step at an upstream without the step."""
    return Gap(
        text=tr(
            "{target} is not cut off at {place}: {reason}",
            target=step.target.name,
            place=step.place.name,
            reason=reason,
        ),
        at_best="partly",
    )


def combined(results: Sequence[StepResult]) -> StepResult:
    """Return the result of a repeated step: the worst of the items; `skipped` without items."""
    return min(results, key=lambda r: WORST_FIRST.index(r.outcome), default=StepResult(Outcome.SKIPPED))


def all_or_none(planned: list[PlannedStep]) -> list[PlannedStep]:
    """Drop changes on an upstream if another upstream is unreachable or cannot be changed."""
    lacking = next((s for s in planned if s.outcome in _NOT_DONE), None)
    if lacking is None:
        return planned
    why = tr("{failed}, and it is done on all upstreams or on none", failed=_lacking(lacking))
    return [step.as_skipped(why) if step.outcome == PlannedOutcome.WOULD_CHANGE else step for step in planned]


def _lacking(step: PlannedStep) -> str:
    match step.outcome:
        case "unreachable":
            return tr("{host} is unreachable", host=step.place.name)
        case "refused":
            return tr("{host} is refused", host=step.place.name)
        case _:
            return tr("{host} cannot be changed", host=step.place.name)


def with_uncut(step: PlannedStep) -> PlannedStep:
    """Name the open part at an upstream unfit for the step."""
    if step.outcome not in _NOT_DONE or not tasks()[step.step.task].contains:
        return step
    return replace(step, gaps=(*step.gaps, uncut(step, step.reason)))
