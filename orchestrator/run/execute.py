"""A run from its first connection to its verdict."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal.records import CheckJudged, HostUnreachable, Outcome, RunFinished, Verdict
from stopgap.orchestrator.loading import loading
from stopgap.orchestrator.plan import (
    Plan,
    PlannedStep,
    Planner,
)
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.late import late_modules, warm_up
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.outcome import exit_code, run_outcome
from stopgap.orchestrator.run.step import Ended, unproved
from stopgap.orchestrator.run.target_run import TargetRun
from stopgap.orchestrator.run.verdict import verdict
from stopgap.orchestrator.runbook import StepResult

TARGETS_AT_ONCE = 256
"""So that no target's cut waits for the evidence of another; how much is collected at once has its own bound."""

UNDER_WAY = 0.1
"""Seconds after which the first changes are on their way, and this process waits for its hosts."""


@dataclass
class Result:
    """How it all ended, so far."""

    ended: list[tuple[PlannedStep, Ended]] = field(default_factory=list)
    containment: dict[str, Verdict] = field(default_factory=dict)
    exit_code: int = 0

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcome of every step on every target."""
        return [ended.outcome for _, ended in self.ended]


def execute(
    order: Order,
    plan: Plan,
    planner: Planner,
    context: RunContext,
    *,
    done: Mapping[tuple[str, str], StepResult],
    taken_back: frozenset[tuple[str, str]] = frozenset(),
) -> Result:
    """Carry out a plan that was agreed to: targets side by side, the steps of each in order.

    `done` names steps and targets that an earlier process finished; they are not run again, but those that contain:
    a verdict rests on what is seen now. `taken_back` names those that were undone since; they stay so. Whatever
    happens ends with a `run-finished` record, unless the journal itself fails: JournalError.
    """
    for name, reason in _unreachable(plan).items():
        context.record(HostUnreachable(host=name, reason=reason))
    result = Result()
    lock = threading.Lock()

    def one(target: Host) -> None:
        for item in TargetRun(order, plan, planner, context, target, done, taken_back).steps():
            with lock:
                result.ended.append(item)

    with ThreadPoolExecutor(TARGETS_AT_ONCE, "target") as pool:
        with loading(late_modules(plan.steps)):
            futures = [pool.submit(one, target) for target in order.targets]
            wait(futures, timeout=UNDER_WAY)
        try:
            warm_up(plan.steps)
            if any(step.collections for step in plan.steps):
                context.judging.get_ready()
            for future in futures:
                future.result()
        except BaseException:
            context.interruption.request()
            raise
    context.judging.finish()
    judged: dict[str, list[CheckJudged]] = {}
    for step, ended in result.ended:
        if _would_contain(step) or any(check.containment for check in ended.judged):
            judged.setdefault(step.target.name, []).extend(ended.judged)
        if ended.outcome in {"failed", "unknown", "unreachable"} and _would_contain(step) and not ended.judged:
            judged[step.target.name].append(unproved(step, ended))
    at_best = {name: _at_best(result, name) for name in judged}
    result.containment = {
        name: verdict(seen, at_best[name]) for name, seen in judged.items() if any(c.containment for c in seen)
    }
    for name in _lifted(result, context):
        result.containment.pop(name, None)
    interrupted = context.interruption.requested.is_set()
    disproved = any(c.holds is False for seen in judged.values() for c in seen)
    outcomes = [*result.outcomes, *(["failed"] if disproved else [])]
    result.exit_code = exit_code(outcomes, interrupted=interrupted, unread=_unread(context))
    context.record(
        RunFinished(outcome=run_outcome(result.exit_code), exit_code=result.exit_code, containment=result.containment)
    )
    return result


def _unreachable(plan: Plan) -> dict[str, str]:
    lost = (s for s in plan.steps if s.outcome == "unreachable" and not s.when_its_turn_comes)
    return {s.on.name: s.reason for s in lost if s.on}


def _would_contain(step: PlannedStep) -> bool:
    return tasks()[step.step.task].contains


def _at_best(result: Result, target: str) -> list[Verdict]:
    ended = [(step, end) for step, end in result.ended if step.target.name == target]
    return [gap.limit for step, end in ended for gap in (*step.gaps, *end.gaps) if gap.limit]


def _unread(context: RunContext) -> bool:
    """Tell whether some of what was collected could not be read, so that what it holds is not known."""
    return any(made.trouble or made.unread for made in context.record.history().findings_now())


def _lifted(result: Result, context: RunContext) -> set[str]:
    """Give the targets whose cut a later step of the run has taken back."""
    if not any(step.undo_requests for step, _ in result.ended):
        return set()
    cut = {(step.key, step.target.name) for step, _ in result.ended if _would_contain(step)}
    return {target for _, target in cut & context.record.history().taken_back()}
