"""A run from its first connection to its verdict."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal.records import CheckJudged, HostUnreachable, Outcome, RunFinished, Verdict
from stopgap.orchestrator.loading import loading
from stopgap.orchestrator.plan import (
    Ledger,
    Looker,
    OutOfReach,
    PastRuns,
    Place,
    Plan,
    PlannedStep,
    Planner,
    as_ended,
    combined,
)
from stopgap.orchestrator.plan.planner import counting
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.claim import refusal
from stopgap.orchestrator.run.late import late_modules, warm_up
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.outcome import exit_code, run_outcome
from stopgap.orchestrator.run.several import run_on_several
from stopgap.orchestrator.run.step import FAILURES, Ended, Surroundings, run_step, unproved
from stopgap.orchestrator.run.together import run_together, together
from stopgap.orchestrator.run.undo import take_back_all
from stopgap.orchestrator.run.verdict import verdict
from stopgap.orchestrator.runbook import Step, StepResult
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.task import Task

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


def planner_of(order: Order, look: Looker, sent: Ledger, past: PastRuns, *, urgent: bool = True) -> Planner:
    """Give a planner that reads through a fleet's `look`, and knows what was sent and done already."""
    return Planner(order.runbook, order.inventory, order.params, look, sent, past, urgent)


def execute(
    order: Order,
    plan: Plan,
    planner: Planner,
    around: Surroundings,
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
        around.record(HostUnreachable(host=name, reason=reason))
    result = Result()
    lock = threading.Lock()

    def one(target: Host) -> None:
        for item in _TargetRun(order, plan, planner, around, target, done, taken_back).steps():
            with lock:
                result.ended.append(item)

    with ThreadPoolExecutor(TARGETS_AT_ONCE, "target") as pool:
        with loading(late_modules(plan.steps)):
            futures = [pool.submit(one, target) for target in order.targets]
            wait(futures, timeout=UNDER_WAY)
        try:
            warm_up(plan.steps)
            for future in futures:
                future.result()
        except BaseException:
            around.interruption.request()
            raise
    judged: dict[str, list[CheckJudged]] = {}
    for step, ended in result.ended:
        judged.setdefault(step.target.name, []).extend(ended.judged)
        if ended.outcome in {"failed", "unknown", "unreachable"} and _would_contain(step) and not ended.judged:
            judged[step.target.name].append(unproved(step, ended))
    at_best = {name: _at_best(result, name) for name in judged}
    result.containment = {
        name: verdict(seen, at_best[name]) for name, seen in judged.items() if any(c.containment for c in seen)
    }
    for name in _lifted(result, around):
        result.containment.pop(name, None)
    interrupted = around.interruption.requested.is_set()
    disproved = any(c.holds is False for seen in judged.values() for c in seen)
    result.exit_code = exit_code([*result.outcomes, *(["failed"] if disproved else [])], interrupted=interrupted)
    around.record(
        RunFinished(outcome=run_outcome(result.exit_code), exit_code=result.exit_code, containment=result.containment)
    )
    return result


@dataclass
class _TargetRun:
    """The steps of one target, in order."""

    order: Order
    plan: Plan
    planner: Planner
    around: Surroundings
    target: Host
    done: Mapping[tuple[str, str], StepResult]
    taken_back: frozenset[tuple[str, str]]
    results: dict[str, StepResult] = field(default_factory=dict)
    ahead: dict[str, tuple[PlannedStep, Ended]] = field(default_factory=dict)
    """Steps that were run together with one before them, by key."""

    def steps(self) -> Iterable[tuple[PlannedStep, Ended]]:
        """Run them one by one, and give each with how it ended."""
        stopped = ""
        for number, step in enumerate(self.order.runbook.steps, 1):
            if self.around.interruption.requested.is_set() and not self.ahead:
                return
            outcomes: list[StepResult] = []
            for places in self.planner.groups(step, number, self.target, self.results):
                known = {p.key: r for p in places if (r := self.done.get((p.key, self.target.name)))}
                left = [p for p in places if not stays(step, (p.key, self.target.name), self.done, self.taken_back)]
                here = [known[p.key] for p in places if p not in left]
                ran = self._run_all(left, stopped)
                for planned, ended in ran:
                    yield planned, ended
                    before = known.get(planned.key)
                    stands = before is not None and ended.outcome == "unchanged"
                    here.append(before if before and stands else StepResult(ended.outcome, ended.answer))
                keeps = len(places) > 1 and any(planned.keeps for planned, _ in ran)
                counted = counting(here, keeps)
                if any(result.outcome in FAILURES for result in counted) and not stopped:
                    stopped = self._after_failure(step)
                outcomes += counted
            self.results[step.id] = combined(outcomes)

    def _run_all(self, places: Sequence[Place], stopped: str) -> list[tuple[PlannedStep, Ended]]:
        """Run a step at its place, or at its places on several upstreams."""
        if len(places) < 2:
            return [self._run(place, stopped) for place in places]
        planned = self._planned(places, again=not stopped)
        if stopped:
            planned = [each.as_skipped(stopped) for each in planned]
        ended = run_on_several(planned, self.around)
        for _ in range(places[0].step.retry.attempts - 1):
            if not any(each.outcome in FAILURES - {"refused"} for each in ended):
                break
            if self.around.interruption.requested.wait(places[0].step.retry.pause):
                break
            planned = self._plan_again(places)
            ended = run_on_several(planned, self.around)
        return list(zip(planned, ended, strict=True))

    def _run(self, place: Place, stopped: str) -> tuple[PlannedStep, Ended]:
        if place.key in self.ahead:
            return self.ahead.pop(place.key)
        (planned,) = self._planned([place], again=not stopped)
        if stopped:
            skipped = planned.as_skipped(stopped)
            return skipped, run_step(skipped, self.around)
        group = together(planned, self._after(planned), self._stands) if planned.on else [planned]
        if len(group) > 1:
            self.ahead = {s.key: (s, e) for s, e in zip(group, run_together(group, self.around), strict=True)}
            return self.ahead.pop(place.key)
        ended = run_step(planned, self.around)
        for _ in range(place.step.retry.attempts - 1):
            if ended.outcome not in {"failed", "unknown", "unreachable"}:
                break
            if self.around.interruption.requested.wait(place.step.retry.pause):
                break
            (planned,) = self._plan_again([place])
            ended = run_step(planned, self.around)
        return planned, ended

    def _planned(self, places: Sequence[Place], *, again: bool) -> list[PlannedStep]:
        """Give the step as planned; planned afresh where it hangs on the journal, or on results not as foreseen."""
        step, wanted = places[0].step, {place.key for place in places}
        planned = [s for s in self.plan.steps if s.key in wanted and s.target.name == self.target.name]
        if any(s.when_its_turn_comes for s in planned):
            return self._plan_late(places) if again else planned
        foreseen = not (step.uses_results or step.needs or _needs_first(step)) or self._as_foreseen()
        stands = foreseen and not (again and any(s.on_past for s in planned))
        return planned if len(planned) == len(places) and stands else self._plan_again(places)

    def _plan_late(self, places: Sequence[Place]) -> list[PlannedStep]:
        """Plan what could not be planned before, its host having been slow; it gets the time it has left."""
        planned = self._plan_again(places, afresh=False)
        for each in planned:
            if each.outcome == "unreachable" and each.on:
                self.around.record(HostUnreachable(host=each.on.name, reason=each.reason))
        return planned

    def _after(self, step: PlannedStep) -> list[PlannedStep]:
        mine = [s for s in self.plan.steps if s.target.name == self.target.name]
        places = [place for place, s in enumerate(mine) if s.key == step.key]
        return [s for s in mine[places[0] + 1 :] if s.on] if places else []

    def _stands(self, step: PlannedStep) -> bool:
        """Tell whether a later step is to be run as planned, if those that it is run together with go well."""
        hangs_on = step.step.needs or _needs_first(step.step)
        return (step.key, self.target.name) not in self.done and (not hangs_on or self._as_foreseen())

    def _as_foreseen(self) -> bool:
        steps = {s.key: s.outcome for s in self.plan.steps if s.target.name == self.target.name}
        expected = {key: as_ended(outcome) for key, outcome in steps.items()}
        if any(result.answer is not None for result in self.results.values()):
            return False
        return all(expected.get(key) == result.outcome for key, result in self.results.items())

    def _plan_again(self, places: Sequence[Place], *, afresh: bool = True) -> list[PlannedStep]:
        """Plan on facts read anew; `afresh`: hosts that were out of reach are tried once more."""
        for host in (self.target, *self.order.inventory.hosts.values()) if afresh else ():
            self.around.fleet.reconnect(host)
        try:
            around = self.around
            planner = planner_of(self.order, around.fleet.look, around.record.deliveries, around.archive.past)
            planned = planner.plan_together(places, self.results)
            return [_unless_claimed(each, around.fleet.claims.held) for each in planned]
        except InvalidInput as error:
            why = escape(error.problems[0].message)
            return [
                PlannedStep(p.key, p.number, p.step, self.target, None, "would-fail", why, p.step.name)
                for p in places
            ]
        except OutOfReach as error:
            raise AssertionError("a planner answers for what is out of reach") from error

    def _after_failure(self, step: Step) -> str:
        """Do what `on_failure` says; gives why the steps that follow are skipped, or nothing."""
        if step.on_failure == "continue":
            return ""
        if step.on_failure == "undo":
            take_back_all(self.around, self.target.name)
            return f"{step.id} failed, and the target's changes were undone"
        return f"{step.id} failed"


def _unless_claimed(step: PlannedStep, held: Mapping[str, str]) -> PlannedStep:
    """Refuse what is to be changed on a host that was found, only now, to be another operator's."""
    if step.changes and step.on and (reason := refusal(held, [step.on.name])):
        return replace(step, outcome="refused", reason=reason)
    return step


def _unreachable(plan: Plan) -> dict[str, str]:
    lost = (s for s in plan.steps if s.outcome == "unreachable" and not s.when_its_turn_comes)
    return {s.on.name: s.reason for s in lost if s.on}


def stays(
    step: Step,
    place: tuple[str, str],
    done: Mapping[tuple[str, str], StepResult],
    taken_back: frozenset[tuple[str, str]],
) -> bool:
    """Tell whether a step stays as an earlier process left it: one that contains is looked at, unless undone."""
    return place in done and (place in taken_back or not tasks()[step.task].contains)


def _needs_first(step: Step) -> bool:
    return type(tasks()[step.task]).needs_first is not Task.needs_first


def _would_contain(step: PlannedStep) -> bool:
    return tasks()[step.step.task].contains


def _at_best(result: Result, target: str) -> list[Verdict]:
    ended = [(step, end) for step, end in result.ended if step.target.name == target]
    return [gap.limit for step, end in ended for gap in (*step.gaps, *end.gaps) if gap.limit]


def _lifted(result: Result, around: Surroundings) -> set[str]:
    """Give the targets whose cut a later step of the run has taken back."""
    if not any(step.liftings for step, _ in result.ended):
        return set()
    cut = {(step.key, step.target.name) for step, _ in result.ended if _would_contain(step)}
    return {target for _, target in cut & around.record.history().taken_back()}
