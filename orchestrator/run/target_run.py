"""The steps of one target, in order; slow messages to servers, and some collections, run beside the others."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

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
from stopgap.orchestrator.plan.planner import counting
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.batching import run_together, together
from stopgap.orchestrator.run.context import RunContext
from stopgap.orchestrator.run.deliver import sends_alone
from stopgap.orchestrator.run.host_lock import refusal
from stopgap.orchestrator.run.multi_upstream import run_on_several
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.step import Ended, run_step
from stopgap.orchestrator.run.undo import take_back_all
from stopgap.orchestrator.runbook import Step, StepResult
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.task import Task
from stopgap.orchestrator.text import tr

_POLL = 0.05
"""Seconds between two looks at whether a collection has begun."""
MESSAGES_BESIDE = 16
"""Most steps of one target with pending messages, beside the following steps."""


def planner_of(order: Order, look: FactReader, sent: Ledger, past_runs: PastRuns, *, urgent: bool = True) -> Planner:
    """Return a planner with the pool's `look` as reader, and with the known messages and past runs."""
    return Planner(order.runbook, order.inventory, order.params, look, sent, past_runs, urgent, order.controller)


@dataclass(frozen=True)
class _Ran:
    """A step already run, on all of its hosts."""

    ended: list[tuple[PlannedStep, Ended]]
    result: StepResult
    stopped: str
    """The reason to skip the following steps; empty if the run continues."""


_Sending: TypeAlias = "tuple[Step, Future[_Ran]]"


@dataclass
class TargetRun:
    """The steps of one target, in order."""

    order: Order
    plan: Plan
    planner: Planner
    context: RunContext
    target: Host
    done: Mapping[tuple[str, str], StepResult]
    taken_back: frozenset[tuple[str, str]]
    results: dict[str, StepResult] = field(default_factory=dict)
    ahead: dict[str, tuple[PlannedStep, Ended]] = field(default_factory=dict)
    """Steps already run in the batch of an earlier step, by key."""
    sending: list[_Sending] = field(default_factory=list)
    """Steps with pending messages."""
    collecting: list[_Sending] = field(default_factory=list)
    """Steps that collect beside the others."""
    late: list[PlannedStep] = field(default_factory=list)
    """Steps left open by the plan, as first planned in their turn."""

    def steps(self) -> Iterable[tuple[PlannedStep, Ended]]:
        """Run the steps in order, messages and some collections beside later steps; yield each step with its end."""
        stopped = ""
        with (
            ThreadPoolExecutor(MESSAGES_BESIDE, "messages") as workers,
            ThreadPoolExecutor(MESSAGES_BESIDE, "collections") as collectors,
            self._no_collection_left(),
        ):
            for number, step in enumerate(self.order.runbook.steps, 1):
                if self.context.interruption.requested.is_set() and not self.ahead:
                    break
                for sending in self._awaited_by(step):
                    ended, stopped = self._joined(*sending, stopped)
                    yield from ended
                if not stopped and tasks()[step.task].beside:
                    self.collecting.append((step, collectors.submit(self._whole_step, step, number, "")))
                    self._wait_for_start(step, self.collecting[-1][1])
                elif not stopped and self._goes_beside(step):
                    self.sending.append((step, workers.submit(self._whole_step, step, number, "")))
                else:
                    ended, stopped = self._concluded(step, self._whole_step(step, number, stopped), stopped)
                    yield from ended
            for sending in self._taken(self.sending):
                ended, stopped = self._joined(*sending, stopped)
                yield from ended
            self.context.background.steps_over(self.target.name)
            for collecting in self.collecting:
                ended, stopped = self._joined(*collecting, stopped)
                yield from ended

    @contextmanager
    def _no_collection_left(self) -> Iterator[None]:
        """End the collections beside the steps if an error of the run ends the block."""
        try:
            yield
        except BaseException:
            self.context.background.stop(self.target.name)
            raise

    def _wait_for_start(self, step: Step, running: Future[_Ran]) -> None:
        """Wait for the start of a collection beside, and then for its head; not for one that ended, nor after Ctrl-C.

        A step that was left open by the plan has no head.
        """
        planned = [s for s in self.plan.steps if s.step.id == step.id and s.target.name == self.target.name]
        head = max((c.beside.head for s in planned for c in s.collections if c.beside), default=0.0)
        begun, until = self.context.background.begun(step.id, self.target.name), float("inf")
        while head and time.monotonic() < until and not running.done():
            if self.context.interruption.requested.wait(_POLL):
                break
            if begun.is_set() and until == float("inf"):
                until = time.monotonic() + head

    def _whole_step(self, step: Step, number: int, stopped: str) -> _Ran:
        """Run a step on all of its hosts."""
        ended: list[tuple[PlannedStep, Ended]] = []
        outcomes: list[StepResult] = []
        for places in self.planner.groups(step, number, self.target, self.results):
            known = {p.key: r for p in places if (r := self.done.get((p.key, self.target.name)))}
            left = [p for p in places if not stays(step, (p.key, self.target.name), self.done, self.taken_back)]
            here = [known[p.key] for p in places if p not in left]
            ran = self._run_all(left, stopped)
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
        return _Ran(ended, combined(outcomes), stopped)

    def _concluded(self, step: Step, ran: _Ran, stopped: str) -> tuple[list[tuple[PlannedStep, Ended]], str]:
        """Take a step's result and apply the step's `on_failure`."""
        self.results[step.id] = ran.result
        if ran.stopped and not stopped and step.on_failure == "undo":
            take_back_all(self.context, self.target.name)
        return ran.ended, stopped or ran.stopped

    def _joined(self, step: Step, running: Future[_Ran], stopped: str) -> tuple[list[tuple[PlannedStep, Ended]], str]:
        return self._concluded(step, running.result(), stopped)

    def _goes_beside(self, step: Step) -> bool:
        """Return True for a step with messages to servers alone, a possible cause of delay."""
        planned = [s for s in self.plan.steps if s.step.id == step.id and s.target.name == self.target.name]
        return bool(planned) and all(map(sends_alone, planned))

    def _awaited_by(self, step: Step) -> list[_Sending]:
        """Take out the pending messages awaited by a step; a containment step waits only for required messages.

        Any other step waits also for messages able to stop the step by a failure.
        """
        for collecting in [each for each in self.collecting if each[0].id in step.needs]:
            self.collecting.remove(collecting)
            self.sending.append(collecting)
        hangs_on_any = step.uses_results or _needs_first(step)
        contains = tasks()[step.task].contains
        return self._taken(
            [
                sending
                for sending in self.sending
                if hangs_on_any
                or sending[0].id in step.needs
                or not (contains or sending[0].on_failure == "continue")
            ]
        )

    def _taken(self, awaited: Sequence[_Sending]) -> list[_Sending]:
        taken = list(awaited)
        self.sending = [sending for sending in self.sending if sending not in taken]
        return taken

    def _run_all(self, places: Sequence[Place], stopped: str) -> list[tuple[PlannedStep, Ended]]:
        """Run a step on its host, or on its hosts on several upstreams."""
        if len(places) < 2:
            return [self._run(place, stopped) for place in places]
        planned = self._planned(places, again=not stopped)
        if stopped:
            planned = [each.as_skipped(stopped) for each in planned]
        ended = run_on_several(planned, self.context)
        for _ in range(places[0].step.retry.attempts - 1):
            if not any(each.outcome in RETRIED for each in ended):
                break
            if self.context.interruption.requested.wait(places[0].step.retry.pause):
                break
            planned = self._plan_again(places)
            ended = run_on_several(planned, self.context)
        return list(zip(planned, ended, strict=True))

    def _run(self, place: Place, stopped: str) -> tuple[PlannedStep, Ended]:
        if place.key in self.ahead:
            return self.ahead.pop(place.key)
        (planned,) = self._planned([place], again=not stopped)
        if stopped:
            skipped = planned.as_skipped(stopped)
            return skipped, run_step(skipped, self.context)
        group = together(planned, self._after(planned), self._stands) if planned.on else [planned]
        if len(group) > 1:
            self.ahead = {s.key: (s, e) for s, e in zip(group, run_together(group, self.context), strict=True)}
            return self.ahead.pop(place.key)
        ended = run_step(planned, self.context)
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
        foreseen = not (step.uses_results or step.needs or _needs_first(step)) or self._as_foreseen()
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

    def _stands(self, step: PlannedStep) -> bool:
        """Return True if a later step stands as planned, given success of the steps of the same batch."""
        hangs_on = step.step.needs or _needs_first(step.step)
        return (step.key, self.target.name) not in self.done and (not hangs_on or self._as_foreseen())

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
            planned = planner.plan_together(places, self.results)
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


def _needs_first(step: Step) -> bool:
    return type(tasks()[step.task]).needs_first is not Task.needs_first
