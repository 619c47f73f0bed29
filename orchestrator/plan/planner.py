"""The planner, shared by preview and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import SystemFact, UnreadableError
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.journal import Delivery, JournalError
from stopgap.orchestrator.journal.error_files import own_error
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.past_runs import PastRun
from stopgap.orchestrator.plan.fact_cache import (
    FactCache,
    FactReader,
    FactRequest,
    NotYet,
    OutOfReach,
    prospects_of,
    requests_of,
)
from stopgap.orchestrator.plan.model import Plan, PlannedStep
from stopgap.orchestrator.plan.outstanding import outstanding
from stopgap.orchestrator.plan.place import Place, blank_step
from stopgap.orchestrator.plan.planned import PlannedItems, told_apart
from stopgap.orchestrator.plan.prospects import prospected, prospects
from stopgap.orchestrator.plan.results import all_or_none, combined, counting, kept, predicted_result, with_uncut
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import NO_ITEM, Runbook, Step, StepResult, applies, items, render, vantage_of
from stopgap.orchestrator.secret import SecretError, carried_by
from stopgap.orchestrator.secret.agreement import is_agreed, reference_of
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.task import (
    Gap,
    Parameters,
    Past,
    Refused,
    Standing,
    Task,
    Unplannable,
)
from stopgap.orchestrator.text import tr

T = TypeVar("T")

Ledger: TypeAlias = Callable[[AbstractSet[str]], Mapping[str, Delivery]]
"""Returns the delivery of messages so far, by key."""


PastRuns: TypeAlias = Callable[[Sequence[str], str], tuple[PastRun, ...]]
"""Returns the history of runs for a target, by run id; raises JournalError for an unknown run."""


def nothing_sent(keys: AbstractSet[str]) -> dict[str, Delivery]:
    """Return no deliveries: no message was sent."""
    return {}


def no_past(runs: Sequence[str], target: str) -> tuple[PastRun, ...]:
    """Return no earlier runs."""
    raise JournalError(tr("there is no journal of earlier runs here"))


@dataclass
class Planner:
    """Plans steps on live facts; facts already read, or predicted from earlier steps of the plan, are not read again.

    `plan` returns the whole plan; `plan_together` plans one step, called for by earlier outcomes, on the facts known
    by then.
    """

    runbook: Runbook
    inventory: Inventory
    params: Mapping[str, Any]
    look: FactReader
    sent: Ledger = nothing_sent
    past_runs: PastRuns = no_past
    urgent: bool = True
    """A containment step does not wait for slow hosts: on such hosts the step is planned in its turn."""
    controller: str = ""
    """Names the controller on devices."""
    _known: FactCache = field(init=False)
    _planned: dict[str, list[AnyChange]] = field(default_factory=dict)
    """By host: the changes planned by earlier steps."""

    def __post_init__(self) -> None:
        """Start with an empty fact cache."""
        self._known = FactCache(self.look, self.urgent)

    def plan(self, targets: Sequence[Host]) -> Plan:
        """Plan every step on every target; return the plan."""
        self._prefetch(targets)
        planned: list[PlannedStep] = []
        for target in targets:
            results: dict[str, StepResult] = {}
            left_open: set[str] = set()
            for number, step in enumerate(self.runbook.steps, 1):
                outcomes: list[StepResult] = []
                for places in self.groups(step, number, target, results):
                    steps = self.plan_together(places, results)
                    if left_open and _hangs_on(step, left_open):
                        steps = list(map(_left_open, steps))
                    if any(each.when_its_turn_comes for each in steps):
                        left_open.add(step.id)
                    outcomes += counting([predicted_result(s) for s in steps], kept(steps))
                    planned += steps
                results[step.id] = combined(outcomes)
        return Plan(tuple(planned))

    def places(self, step: Step, number: int, target: Host, results: Mapping[str, StepResult]) -> Iterator[Place]:
        """Yield the places of the step: one, or one for each `foreach` item; on each upstream, if several."""
        scenes = self._scenes(step, target)
        repeated = items(step, self.params, scenes[0], results)
        numbered = (
            [(step.id, NO_ITEM)] if repeated is None else [(f"{step.id}[{n}]", i) for n, i in enumerate(repeated)]
        )
        for key, item in numbered:
            for scene in scenes:
                whole = key if len(scenes) == 1 else f"{key}@{scene.on.name}"
                yield Place(whole, number, step, target, scene, item)

    def groups(
        self, step: Step, number: int, target: Host, results: Mapping[str, StepResult]
    ) -> Iterator[tuple[Place, ...]]:
        """Yield the same places in groups; the places of a group differ in the upstream alone."""
        for _, places in groupby(
            self.places(step, number, target, results), lambda place: place.key.partition("@")[0]
        ):
            yield tuple(places)

    def plan_together(self, places: Sequence[Place], results: Mapping[str, StepResult]) -> list[PlannedStep]:
        """Plan one step at all of its places, given the actual or predicted outcomes of earlier steps.

        If the step cannot be done on one host, the step is left out on all hosts, unless the task keeps partial
        success: the plan then names the open part.
        """
        planned = [self._plan_place(place, results) for place in places]
        planned = list(map(with_uncut, planned)) if kept(planned) else all_or_none(planned)
        for step in planned:
            for change in step.changes:
                self._planned.setdefault(step.place.name, []).append(change)
                for reader, fact in change.predicted().items():
                    self._known.foresee(step.place, reader, fact)
        return planned

    def _plan_place(self, place: Place, results: Mapping[str, StepResult]) -> PlannedStep:
        step, blank = place.step, blank_step(place, len(self.runbook.steps))
        if missed := [n for n in step.needs if n in results and not results[n].succeeded]:
            return _with(blank, PlannedOutcome.SKIPPED, tr("needs {missed}", missed=", ".join(missed)))
        try:
            return self._plan_step(blank, place, results)
        except (InvalidInput, JournalError, OutOfReach):
            raise
        except Exception as error:  # an internal error of the task ends the step, and no other step
            return _with(blank, PlannedOutcome.WOULD_FAIL, own_error(error))

    def _plan_step(self, blank: PlannedStep, place: Place, results: Mapping[str, StepResult]) -> PlannedStep:
        step, target, scene = place.step, place.target, place.scene
        task = tasks()[step.task]
        try:
            if not applies(step, self.params, scene, results, place.item):
                return _with(blank, PlannedOutcome.SKIPPED, tr("when: {when}", when=step.when))
            params = render(step, self.params, scene, results, place.item)
        except InvalidInput:
            if not any(result.sampled for result in results.values()):
                raise
            return _with(
                blank, PlannedOutcome.UNCHANGED, tr("it is planned when the questions before it are answered")
            )
        if (first := task.needs_first(params)) and not self._has_succeeded(first, place.number, results):
            return _with(
                blank,
                PlannedOutcome.REFUSED,
                tr(
                    "no step of {first} has succeeded on {target} before it, in this run",
                    first=first,
                    target=target.name,
                ),
            )
        if not is_agreed(reference_of(task.looks_by(params))):
            return _with(
                blank,
                PlannedOutcome.REFUSED,
                tr("nobody has agreed to run {looks_by} here", looks_by=join(task.looks_by(params))),
            )
        blank = replace(blank, keeps=task.keeps_partial(params), services_out=task.services_out(params))
        requests = requests_of(task, params, scene)
        changeable, beside = prospects_of(requests, scene)
        readings = self._known.read(task, requests, beside)
        for look in readings.own.values():
            if isinstance(look, OutOfReach):
                return replace(
                    blank,
                    outcome=PlannedOutcome.UNREACHABLE,
                    reason=str(look),
                    when_its_turn_comes=isinstance(look, NotYet),
                    checks=_seen_from_outside(task, params, scene) if blank.keeps else (),
                )
            if isinstance(look, UnreadableError):
                return _with(blank, PlannedOutcome.WOULD_FAIL, str(look))
        asked = {n: request for n, request in task.probe(params, scene).items() if isinstance(request, Past)}
        try:
            past_runs = {name: self.past_runs(request.runs, target.name) for name, request in asked.items()}
            facts = task.Facts.of({**readings.own, **readings.elsewhere, **past_runs})
            planned = told_apart(task.plan(params, facts, scene))
            checks = tuple(task.checks(params, facts, scene))
        except (Refused, JournalError) as refusal:
            return _with(blank, PlannedOutcome.REFUSED, str(refusal))
        except (Unplannable, SecretError) as reason:
            return _with(blank, PlannedOutcome.WOULD_FAIL, str(reason))
        except ValidationError as error:
            return _with(blank, PlannedOutcome.WOULD_FAIL, f"{step.task}: {error.errors()[0]['msg']}")
        beside_paths = (self._known.seen(scene.on, reader) for reader in changeable.readers())
        changes, hindered = prospected(
            planned.changes,
            prospects(changeable, *beside_paths),
            self._planned.get(scene.on.name, ()),
            next((look.uid for look in readings.own.values() if isinstance(look, SystemFact)), None),
            task.root_programs(),
        )
        if hindered:
            return _with(blank, PlannedOutcome.WOULD_FAIL, hindered)
        if secret := _secret_sent(changes, planned.messages, scene):
            return _with(blank, PlannedOutcome.REFUSED, secret)
        return replace(
            self._left_to_do(blank, planned, changes),
            on_past=bool(asked),
            answer_to=task.asks(params),
            checks=checks,
        )

    def _left_to_do(self, blank: PlannedStep, planned: PlannedItems, changes: tuple[AnyChange, ...]) -> PlannedStep:
        """Return the step with what earlier runs have not done or sent already."""
        messages, undo_requests = tuple(planned.messages), tuple(planned.undo_requests)
        left = outstanding(
            messages, self.sent({message.key for message in messages}) if messages else {}, datetime.now(UTC)
        )
        # No question is asked if all messages were sent.
        already_sent = bool(messages) and not left.messages and not changes
        changing = bool(changes or left.messages or undo_requests)
        return replace(
            blank,
            outcome=PlannedOutcome.WOULD_CHANGE if changing else PlannedOutcome.UNCHANGED,
            changes=changes,
            messages=left.messages,
            collections=tuple(planned.collections),
            undo_requests=undo_requests,
            questions=() if already_sent else (*_confirmation(blank.step), *planned.questions),
            notes=(*planned.notes, *left.notes),
            gaps=(*planned.gaps, *left.gaps),
        )

    def standing(self, place: Place) -> tuple[Standing, PlannedStep] | None:
        """Return the present state of a step already run, and the step reduced to gaps and checks.

        Returns `None` for a task without a state reader, and for a step dependent on the results of other steps.
        Raises OutOfReach, UnreadableError, Refused, Unplannable.
        """
        task = tasks()[place.step.task]
        if type(task).standing is Task.standing or place.step.uses_results:
            return None
        scene = place.scene
        params = render(place.step, self.params, scene, {}, place.item)
        readings = self._known.read(task, requests_of(task, params, scene))
        for look in readings.own.values():
            if isinstance(look, OutOfReach | UnreadableError):
                raise look
        facts = task.Facts.of({**readings.own, **readings.elsewhere})
        found = task.standing(params, facts, scene)
        gaps = _gaps(task, params, facts, scene)
        checks = tuple(task.checks(params, facts, scene))
        return (
            (found, replace(blank_step(place, len(self.runbook.steps)), gaps=gaps, checks=checks)) if found else None
        )

    def seen_from_outside(self, place: Place) -> PlannedStep:
        """Return a step of an unreachable host with the checks of other vantages, and without changes."""
        task = tasks()[place.step.task]
        params = render(place.step, self.params, place.scene, {}, place.item)
        return replace(
            blank_step(place, len(self.runbook.steps)), checks=_seen_from_outside(task, params, place.scene)
        )

    def forget(self) -> None:
        """Drop every fact, so that the next read is fresh."""
        self._known.forget()
        self._planned.clear()

    def _scenes(self, step: Step, target: Host) -> tuple[Scene, ...]:
        scenes = self.inventory.scenes(target, vantage_of(step, tasks()[step.task], target, self.inventory))
        return tuple(scene.model_copy(update={"controller": self.controller}) for scene in scenes)

    def _has_succeeded(self, task: str, before: int, results: Mapping[str, StepResult]) -> bool:
        earlier = [step.id for step in self.runbook.steps[: before - 1] if step.task == task]
        return any(results[step].succeeded for step in earlier if step in results)

    def _prefetch(self, targets: Sequence[Host]) -> None:
        """Read in parallel the facts of all steps with parameters independent of other steps' results."""
        wanted: list[FactRequest] = []
        containing: frozenset[str] = frozenset()
        for target in targets:
            for number, step in enumerate(self.runbook.steps, 1):
                if step.uses_results:
                    continue
                for place in self.places(step, number, target, {}):
                    if not applies(step, self.params, place.scene, {}, place.item):
                        continue
                    task, params = tasks()[step.task], render(step, self.params, place.scene, {}, place.item)
                    with suppress(Exception):  # reported again at the planning of the step
                        if is_agreed(reference_of(task.looks_by(params))):
                            requests = requests_of(task, params, place.scene)
                            wanted += [*requests.values(), *prospects_of(requests, place.scene)[1]]
                    containing |= {place.scene.on.name} if task.contains else frozenset()
        self._known.prefetch(wanted, containing or None)


def _hangs_on(step: Step, left_open: AbstractSet[str]) -> bool:
    """Return True if the outcome of a step left open may decide about this step."""
    needs_first = type(tasks()[step.task]).needs_first is not Task.needs_first
    return step.uses_results or needs_first or not left_open.isdisjoint(step.needs)


def _left_open(step: PlannedStep) -> PlannedStep:
    """Leave the step open too; a refusal for want of an earlier success is not known yet."""
    step = step.as_skipped(step.reason) if step.outcome == PlannedOutcome.REFUSED else step
    return replace(step, when_its_turn_comes=True)


def _with(step: PlannedStep, outcome: PlannedOutcome, reason: str) -> PlannedStep:
    return replace(step, outcome=outcome, reason=reason)


def _gaps(task: Task[Any, Any], params: Parameters, facts: Any, scene: Scene) -> tuple[Gap, ...]:  # noqa: ANN401
    """Return the gaps of a step in force; a present refusal does not matter here."""
    try:
        return tuple(told_apart(task.plan(params, facts, scene)).gaps)
    except (Refused, Unplannable, JournalError, SecretError):
        return ()


def _seen_from_outside(task: Task[Any, Any], params: Parameters, scene: Scene) -> tuple[Check, ...]:
    try:
        return tuple(task.seen_from_outside(params, scene))
    except Refused:
        return ()


def _secret_sent(changes: Sequence[AnyChange], messages: Sequence[Message], scene: Scene) -> str:
    """Return why a step is refused that would send a secret to a host or a person; empty without a secret."""
    texts = [change.do_script() for change in changes] + ["\n".join(message.preview()) for message in messages]
    for secret in filter(None, map(carried_by, texts)):
        rest = scene.on.name if changes else tr("a person")
        return tr("it would send {secret} to {rest}", secret=secret, rest=rest)
    return ""


def _confirmation(step: Step) -> tuple[Question, ...]:
    return (Question(text=step.confirm, reason=""),) if step.confirm else ()
