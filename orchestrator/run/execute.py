"""A run from the first connection to the verdict."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal.records import CheckJudged, HostUnreachable, PlanMade, RunFinished, Verdict
from stopgap.orchestrator.loading import load, loading
from stopgap.orchestrator.outcome import RETRIED, Outcome, exit_code, run_outcome
from stopgap.orchestrator.plan import (
    Plan,
    PlannedStep,
    Planner,
)
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.late import early_modules, late_modules, warm_up
from stopgap.orchestrator.run.late_look import broken, look_late
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.side_by_side import SideBySide
from stopgap.orchestrator.run.step import Ended, unproved
from stopgap.orchestrator.run.target_run import TargetRun
from stopgap.orchestrator.run.verdict import verdict
from stopgap.orchestrator.runbook import StepResult

TARGETS_AT_ONCE = 256
"""Parallel targets: no containment waits for another target's evidence; collections have a separate limit."""

UNDER_WAY = 0.1
"""Seconds until the first changes are sent and the process waits for the hosts."""


@dataclass
class Result:
    """The outcome of a run so far."""

    ended: list[tuple[PlannedStep, Ended]] = field(default_factory=list)
    containment: dict[str, Verdict] = field(default_factory=dict)
    exit_code: int = 0
    broken: tuple[str, ...] = ()
    """What a successful step had left, and did not hold any more at the end of the run."""
    late: list[PlannedStep] = field(default_factory=list)
    """Steps left open by the plan for a slow host, as planned in their turn."""

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
    """Carry out an approved plan: targets in parallel, the steps of each target as `SideBySide` has it.

    `done` names steps and targets finished by an earlier process. Finished steps are not repeated, except containment
    steps: a verdict rests on fresh checks. `taken_back` names undone steps; undone steps stay undone. Every run ends
    with a `run-finished` record, unless the journal itself fails: JournalError.
    """
    for name, reason in _unreachable(plan).items():
        context.record(HostUnreachable(host=name, reason=reason))
    result = Result()
    lock = threading.Lock()

    def one(target: Host) -> None:
        target_run = TargetRun(order, plan, planner, context, target, done, taken_back)
        for item in SideBySide(target_run).steps():
            with lock:
                result.ended.append(item)
        with lock:
            result.late += target_run.late

    context.shared.expect(plan.steps)
    load(early_modules(plan.steps))
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
    late = list(look_late(result.ended, context.pool, context.interruption.requested))
    context.record(*late)
    result.broken = broken(late)
    context.judging.finish()
    judged: dict[str, list[CheckJudged]] = {}
    for step, ended in result.ended:
        if _would_contain(step) or any(check.containment for check in ended.judged):
            judged.setdefault(step.target.name, []).extend(ended.judged)
        if ended.outcome in RETRIED and _would_contain(step) and not ended.judged:
            judged[step.target.name].append(unproved(step, ended))
    at_best = {name: _at_best(result, name) for name in judged}
    result.containment = {
        name: verdict(seen, at_best[name]) for name, seen in judged.items() if any(c.containment for c in seen)
    }
    for name in _lifted(result, context):
        result.containment.pop(name, None)
    if result.late:
        context.record(plan_made(plan.completed(result.late)))
    interrupted = context.interruption.requested.is_set()
    disproved = any(c.holds is False for seen in judged.values() for c in seen)
    outcomes = [*result.outcomes, *([Outcome.FAILED] if disproved or result.broken else [])]
    result.exit_code = exit_code(outcomes, interrupted=interrupted, unread=_unread(context))
    context.record(
        RunFinished(outcome=run_outcome(result.exit_code), exit_code=result.exit_code, containment=result.containment)
    )
    return result


def plan_made(plan: Plan) -> PlanMade:
    """Return the record of a plan; a plan completed in the run has a record of its own, at the end of the run."""
    return PlanMade(digest=plan.digest, changes=plan.changes, hosts=len(plan.hosts))


def _unreachable(plan: Plan) -> dict[str, str]:
    lost = (s for s in plan.steps if s.outcome == "unreachable" and not s.when_its_turn_comes)
    return {s.on.name: s.reason for s in lost if s.on}


def _would_contain(step: PlannedStep) -> bool:
    return tasks()[step.step.task].contains


def _at_best(result: Result, target: str) -> list[Verdict]:
    ended = [(step, end) for step, end in result.ended if step.target.name == target]
    return [gap.limit for step, end in ended for gap in (*step.gaps, *end.gaps) if gap.limit]


def _unread(context: RunContext) -> bool:
    """Return True if a part of the evidence could not be read, so that its content is unknown."""
    return any(made.trouble or made.unread for made in context.record.history().findings_now())


def _lifted(result: Result, context: RunContext) -> set[str]:
    """Return the targets with a containment step undone by a later step of the run."""
    if not any(step.undo_requests for step, _ in result.ended):
        return set()
    cut = {(step.key, step.target.name) for step, _ in result.ended if _would_contain(step)}
    return {target for _, target in cut & context.record.history().taken_back()}
