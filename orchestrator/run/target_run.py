"""One step of a runbook on one target: on each host of the step, with a new plan if earlier outcomes require one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal.records import HostUnreachable
from stopgap.orchestrator.outcome import FAILURES, RETRIED, PlannedOutcome
from stopgap.orchestrator.plan import (
    FactReader,
    Ledger,
    OutOfReach,
    PastRuns,
    Place,
    Plan,
    PlannedStep,
    Planner,
    combined,
)
from stopgap.orchestrator.plan.results import counting
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.batching import run_together, together
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.host_lock import refusal
from stopgap.orchestrator.run.multi_upstream import run_on_several
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.step import Ended, nothing, run_step
from stopgap.orchestrator.run.step_graph import Waits, needs_first
from stopgap.orchestrator.runbook import Step, StepResult
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import tr


def planner_of(order: Order, look: FactReader, sent: Ledger, past_runs: PastRuns, *, urgent: bool = True) -> Planner:
    """Return a planner with the pool's `look` as reader, and with the known messages and past runs."""
    return Planner(order.runbook, order.inventory, order.params, look, sent, past_runs, urgent, order.controller)


@dataclass(frozen=True)
class Ran:
    """A step already run, on all of its hosts."""

    ended: list[tuple[PlannedStep, Ended]]
    result: StepResult
    stopped: str
    """The reason to skip the following steps; empty if the run continues."""


@dataclass
class TargetRun:
    """Runs steps of one target, each as a whole."""

    order: Order
    plan: Plan
    planner: Planner
    context: RunContext
    target: Host
    done: Mapping[tuple[str, str], StepResult]
    taken_back: frozenset[tuple[str, str]]
    waits: Waits = field(default_factory=dict)
    """Which steps wait for which."""
    results: dict[str, StepResult] = field(default_factory=dict)
    """The results of the steps that have ended, by id."""
    ahead: dict[str, tuple[PlannedStep, Ended]] = field(default_factory=dict)
    """Steps already run in the batch of an earlier step, by key."""
    late: list[PlannedStep] = field(default_factory=list)
    """Steps left open by the plan, as first planned in their turn."""

    def whole_step(self, step: Step, number: int, stopped: str, made: Callable[[], None] = nothing) -> Ran:
        """Run a step on all of its hosts; `made` is called once all changes are made, if checks follow.

        A step with a reason in `stopped` is recorded as skipped.
        """
        ended: list[tuple[PlannedStep, Ended]] = []
        outcomes: list[StepResult] = []
        groups = list(self.planner.groups(step, number, self.target, dict(self.results)))
        made = made if len(groups) == 1 else nothing  # of several items, the first is not the whole
        for places in groups:
            known = {p.key: r for p in places if (r := self.done.get((p.key, self.target.name)))}
            left = [p for p in places if not stays(step, (p.key, self.target.name), self.done, self.taken_back)]
            here = [known[p.key] for p in places if p not in left]
            ran = self._run_all(left, stopped, made)
            for planned, end in ran:
                before = known.get(planned.key)
                stands = before is not None and end.outcome == "unchanged"
                here.append(before if before and stands else StepResult(end.outcome, end.answer))
            keeps = len(places) > 1 and any(planned.keeps for planned, _ in ran)
            counted = counting(here, keeps)
            if any(result.outcome in FAILURES for result in counted):
                stopped = stopped or _why_stopped(step)
            ended += ran
            outcomes += counted
        return Ran(ended, combined(outcomes), stopped)

    def _run_all(
        self, places: Sequence[Place], stopped: str, made: Callable[[], None]
    ) -> list[tuple[PlannedStep, Ended]]:
        """Run a step on its host, or on its hosts on several upstreams."""
        if len(places) < 2:
            return [self._run(place, stopped, made) for place in places]
        planned = self._planned(places, again=not stopped)
        if stopped:
            planned = [each.as_skipped(stopped) for each in planned]
        ended = run_on_several(planned, self.context, made)
        for _ in range(places[0].step.retry.attempts - 1):
            if not any(each.outcome in RETRIED for each in ended):
                break
            if self.context.interruption.requested.wait(places[0].step.retry.pause):
                break
            planned = self._plan_again(places)
            ended = run_on_several(planned, self.context)
        return list(zip(planned, ended, strict=True))

    def _run(self, place: Place, stopped: str, made: Callable[[], None]) -> tuple[PlannedStep, Ended]:
        if place.key in self.ahead:
            return self.ahead.pop(place.key)
        (planned,) = self._planned([place], again=not stopped)
        if stopped:
            skipped = planned.as_skipped(stopped)
            return skipped, run_step(skipped, self.context)
        group = together(planned, self._after(planned), self._stands_with(planned)) if planned.on else [planned]
        if len(group) > 1:
            self.ahead = {s.key: (s, e) for s, e in zip(group, run_together(group, self.context), strict=True)}
            return self.ahead.pop(place.key)
        ended = run_step(planned, self.context, made)
        for _ in range(place.step.retry.attempts - 1):
            if ended.outcome not in RETRIED:
                break
            if self.context.interruption.requested.wait(place.step.retry.pause):
                break
            (planned,) = self._plan_again([place])
            ended = run_step(planned, self.context)
        return planned, ended

    def _planned(self, places: Sequence[Place], *, again: bool) -> list[PlannedStep]:
        """Return the planned step; plan again if the step depends on the journal or on unforeseen results."""
        step, wanted = places[0].step, {place.key for place in places}
        planned = [s for s in self.plan.steps if s.key in wanted and s.target.name == self.target.name]
        if any(s.when_its_turn_comes for s in planned):
            return self._plan_late(places) if again else planned
        foreseen = not (step.uses_results or step.needs or needs_first(step)) or self._as_foreseen()
        stands = foreseen and not (again and any(s.on_past for s in planned))
        return planned if len(planned) == len(places) and stands else self._plan_again(places)

    def _plan_late(self, places: Sequence[Place]) -> list[PlannedStep]:
        """Plan a step left unplanned because of a slow host; the host gets the remaining time."""
        planned = self._plan_again(places, afresh=False)
        self.late += planned
        for each in planned:
            if each.outcome == "unreachable" and each.on:
                self.context.record(HostUnreachable(host=each.on.name, reason=each.reason))
        return planned

    def _after(self, step: PlannedStep) -> list[PlannedStep]:
        mine = [s for s in self.plan.steps if s.target.name == self.target.name]
        places = [place for place, s in enumerate(mine) if s.key == step.key]
        return [s for s in mine[places[0] + 1 :] if s.on] if places else []

    def _stands_with(self, first: PlannedStep) -> Callable[[PlannedStep], bool]:
        """Return whether a later step stands as planned, given success of the steps of the same batch."""

        def stands(step: PlannedStep) -> bool:
            hangs_on = step.step.needs or needs_first(step.step)
            batch = {each.id for each in self.order.runbook.steps[first.number - 1 : step.number - 1]}
            waits_for = set(self.waits.get(step.step.id, {})).difference(list(self.results), batch)
            mine = (step.key, self.target.name) not in self.done
            return mine and not waits_for and (not hangs_on or self._as_foreseen())

        return stands

    def _as_foreseen(self) -> bool:
        steps = {s.key: s.outcome for s in self.plan.steps if s.target.name == self.target.name}
        expected = {key: outcome.as_ended() for key, outcome in steps.items()}
        if any(result.answer is not None for result in list(self.results.values())):
            return False
        return all(expected.get(key) == result.outcome for key, result in list(self.results.items()))

    def _plan_again(self, places: Sequence[Place], *, afresh: bool = True) -> list[PlannedStep]:
        """Plan on fresh facts; with `afresh`, retry unreachable hosts."""
        for host in (self.target, *self.order.inventory.hosts.values()) if afresh else ():
            self.context.pool.reconnect(host)
        try:
            context = self.context
            planner = planner_of(self.order, context.pool.look, context.record.deliveries, context.archive.past_runs)
            planned = planner.plan_together(places, dict(self.results))
            return [_unless_locked(each, context.pool.locks.held) for each in planned]
        except InvalidInput as error:
            why = error.problems[0].message
            return [
                PlannedStep(p.key, p.number, p.step, self.target, None, PlannedOutcome.WOULD_FAIL, why, p.step.name)
                for p in places
            ]
        except OutOfReach as error:
            raise AssertionError("a planner answers for what is out of reach") from error


def _why_stopped(step: Step) -> str:
    """Return the reason to skip the steps after a failed step; empty if the run continues."""
    undone = tr(", and the target's changes were undone") if step.on_failure == "undo" else ""
    return "" if step.on_failure == "continue" else tr("{id} failed{undone}", id=step.id, undone=undone)


def _unless_locked(step: PlannedStep, held: Mapping[str, str]) -> PlannedStep:
    """Refuse changes on a host found locked by another operator after planning."""
    if step.changes and step.on and (reason := refusal(held, [step.on.name])):
        return replace(step, outcome=PlannedOutcome.REFUSED, reason=reason)
    return step


def stays(
    step: Step,
    place: tuple[str, str],
    done: Mapping[tuple[str, str], StepResult],
    taken_back: frozenset[tuple[str, str]],
) -> bool:
    """Return True if a step stays as left by an earlier process; a containment step is checked, unless undone."""
    return place in done and (place in taken_back or not tasks()[step.task].contains)
