"""The check before any contact: a runbook against an inventory, the targets and the given parameters.

A sample of the type stands in for each unknown value, so that types are checked all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.inventory import Inventory, MissingVantage, load_inventory
from stopgap.orchestrator.outcome import Outcome
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook.binding import known_values, missing_values
from stopgap.orchestrator.runbook.drivers import driver_problems, is_driver
from stopgap.orchestrator.runbook.expression import (
    OF_CHECK,
    Budget,
    ExpressionError,
    identifier,
    references,
    render_value,
)
from stopgap.orchestrator.runbook.loading import draft
from stopgap.orchestrator.runbook.names import Scope, name_problems
from stopgap.orchestrator.runbook.order import Ways
from stopgap.orchestrator.runbook.rendering import (
    NO_ITEM,
    applies,
    default_vantages,
    items,
    no_value,
    shutdown_problems,
    vantage_of,
    visible,
)
from stopgap.orchestrator.runbook.runbook import Runbook, Step, StepResult
from stopgap.orchestrator.source import InvalidInput, Located, Position, Problem, problems_of, read
from stopgap.orchestrator.task import Parameters, Refused

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SAMPLE_HOST = Host(name="sample", address="192.0.2.1", addresses=(ip_address("192.0.2.1"),))
_SAMPLE_RESULT = StepResult(Outcome.CHANGED)


def check(runbook: Runbook, inventory: Inventory, targets: Sequence[Host], given: Mapping[str, object]) -> None:
    """Raise InvalidInput with all problems. Without targets, the best-suited host of the inventory stands in."""
    if problems := list(problems_in(runbook, inventory, targets, given)):
        raise InvalidInput(problems)


def prepare(
    runbook: Path | Located,
    inventory: Path | str | Sequence[Path | str],
    targets: Sequence[str] = (),
    given: Mapping[str, object] | None = None,
    *,
    complete: bool = False,
    limit: Sequence[str] | None = None,
) -> tuple[Runbook, Inventory, tuple[Host, ...]]:
    """Read the files, select the targets, and check; raises a single InvalidInput with all problems.

    `limit`: names and patterns; of the targets, only the hosts that these match.

    With `complete`, a missing required parameter is a problem too, so that `bind` will succeed, and the inventory's
    group `targets` is meant where no target is named.
    """
    problems: list[Problem] = []
    plan: Runbook | None = None
    hosts: Inventory | None = None
    selected: tuple[Host, ...] = ()
    try:
        plan, found = draft(read(runbook) if isinstance(runbook, Path) else runbook)
        problems += found
    except InvalidInput as error:
        problems += error.problems
    try:
        hosts = load_inventory(inventory)
        selected = hosts.select(targets or (hosts.usual_targets if complete else ()), limit)
        problems += driver_problems(hosts, hosts.concerned(selected))
    except InvalidInput as error:
        problems += error.problems
    if plan is not None:
        problems += problems_in(plan, hosts, selected, given or {}, frozenset(p.position for p in problems))
        if complete:
            problems += missing_values(plan, given or {})
    if problems or plan is None or hosts is None:
        raise InvalidInput(problems)
    return plan, hosts, selected


@dataclass(frozen=True)
class _Trial:
    """Trial values for a step."""

    params: Mapping[str, Any]
    sampled: frozenset[str]
    """Parameters with a sample as value."""
    free: frozenset[str]
    """Sampled parameters possibly restricted further by a task than by their type."""
    scene: Scene
    inventory_known: bool
    flawed: frozenset[Position | None]
    answers: dict[str, StepResult]
    """Sample answers to questions, by the step's id in the spelling of an expression."""
    ways: Ways
    earlier: frozenset[str]
    """The tasks of the earlier steps."""
    budget: Budget
    """Budget of all expressions, for one target."""
    is_driver: Callable[[str], bool]
    """Whether a driver of the name is known; asked once of each name."""

    def lacks(self, step: Step, *field: str) -> bool:
        """Return True if a field cannot be tried, because of a problem reported elsewhere."""
        loc = (*step.loc, *field)
        if self.flawed and any(
            position in self.flawed for place, position in step.document.values.items() if place[: len(loc)] == loc
        ):
            return True
        for path in _named(step, *field):
            if path[0] == "params" and len(path) > 1 and path[1] not in self.params:
                return True
            if path[0] == "hosts" and not self.inventory_known:
                return True
        return False

    def samples_in(self, step: Step, *field: str) -> set[str]:
        """Return the sampled parameters and answers named by a field of the step."""
        paths = {path for path in _named(step, *field) if len(path) > 1}
        return {path[1] for path in paths if path[0] == "params"} & self.sampled | self.answers_in(step, *field)

    def answers_in(self, step: Step, *field: str) -> set[str]:
        """Return the steps with questions named by a field: only the type of the answer is known."""
        paths = {path for path in _named(step, *field) if len(path) > 1}
        return {path[1] for path in paths if path[0] == "steps" and identifier(path[1]) in self.answers}


def _named(step: Step, *field: str) -> set[tuple[str, ...]]:
    """Return the names in a field of the step: `when`, `foreach`, or a field below `with`."""
    if field[0] == "with":
        return references(step.with_[field[1]])
    value = getattr(step, field[0])
    return references(value, expression=isinstance(value, str))


def problems_in(
    runbook: Runbook,
    inventory: Inventory | None,
    targets: Sequence[Host],
    given: Mapping[str, object],
    flawed: frozenset[Position | None] = frozenset(),
) -> Iterator[Problem]:
    """Yield the problems; fields at the `flawed` positions have known problems, and are not tried."""
    values, problems = known_values(runbook, inventory, given)
    yield from problems
    sampled = frozenset(set(runbook.params) - set(values))
    values |= {name: runbook.params[name].sample for name in sampled}
    if inventory is not None:
        values |= {n: next(iter(inventory.hosts)) for n in sampled if runbook.params[n].type_name == "host"}
    free = frozenset(name for name in sampled if runbook.params[name].type.free)
    answers: dict[str, StepResult] = {}
    ways = Ways(inventory.hosts if inventory else {})
    known_driver = cache(is_driver)
    tried = targets or stand_ins(runbook, inventory)
    budgets = {target.name: Budget(OF_CHECK) for target in tried}
    for number, step in enumerate(runbook.steps):
        task = tasks()[step.task]
        earlier = frozenset(other.task for other in runbook.steps[:number])
        if inventory is not None:
            unknown_hosts = list(name_problems(step, Scope(hosts=inventory.hosts)))
            flawed |= {problem.position for problem in unknown_hosts}
            yield from unknown_hosts
        if step.on is not None and step.on not in task.vantages:
            message = f"{step.task} cannot act on {step.on}"
            yield step.document.problem((*step.loc, "on"), message, expected=" or ".join(task.vantages))
            continue
        for target in tried:
            try:
                scenes = _scenes(step, target, inventory)
            except MissingVantage as missing:
                loc = (*step.loc, "on" if step.on else "task")
                yield step.document.problem(
                    loc, f"{missing}, where {step.task} acts", expected=None, hint=missing.advice
                )
            else:
                for scene in scenes:
                    trial = _Trial(
                        values,
                        sampled,
                        free,
                        scene,
                        inventory is not None,
                        flawed,
                        answers,
                        ways,
                        earlier,
                        budgets[target.name],
                        known_driver,
                    )
                    yield from _trial_problems(step, trial)


def stand_ins(runbook: Runbook, inventory: Inventory | None) -> tuple[Host, ...]:
    """Return the host with a vantage for most steps."""
    if inventory is None:
        return (_SAMPLE_HOST,)

    def suits(host: Host) -> int:
        wanted = [(step.on,) if step.on else default_vantages(tasks()[step.task], host) for step in runbook.steps]
        return sum(any(inventory.offers(host, vantage) for vantage in vantages) for vantages in wanted)

    return (max(inventory.hosts.values(), key=suits),)


def _scenes(step: Step, target: Host, inventory: Inventory | None) -> tuple[Scene, ...]:
    if inventory is None:
        return (Scene(target=target, on=target, upstream=target, spare=target),)
    return inventory.scenes(target, vantage_of(step, tasks()[step.task], target, inventory))


def _trial_problems(step: Step, trial: _Trial) -> Iterator[Problem]:
    named = _named(step, "when") | _named(step, "foreach") | references(step.with_)
    results = {
        path[1]: trial.answers.get(identifier(path[1]), _SAMPLE_RESULT)
        for path in named
        if path[0] == "steps" and len(path) > 1
    }
    things: list[Any] | None = None
    items_known = not trial.lacks(step, "foreach")
    if items_known:
        try:
            things = items(step, trial.params, trial.scene, results, trial.budget)
        except InvalidInput as error:
            if not trial.samples_in(step, "foreach"):
                yield from error.problems
            return
    for item in [NO_ITEM] if things is None else things:
        runs = True
        if items_known and not trial.lacks(step, "when"):
            try:
                runs = applies(step, trial.params, trial.scene, results, item, trial.budget)
            except InvalidInput as error:
                if not trial.samples_in(step, "when"):
                    yield from error.problems
        if trial.inventory_known and (runs or trial.samples_in(step, "when")):
            yield from trial.ways.needed(step, trial.scene.target, trial.scene.on)
        yield from _with_problems(step, trial, results, item, items_known)


def _with_problems(
    step: Step, trial: _Trial, results: Mapping[str, StepResult], item: object, items_known: bool
) -> Iterator[Problem]:
    names = visible(trial.params, trial.scene, results, item)
    values: dict[str, Any] = {}
    skipped: set[str] = set()
    for key, value in step.with_.items():
        if trial.lacks(step, "with", key) or (not items_known and ("item",) in references(value)):
            skipped.add(key)
            continue
        try:
            values[key] = render_value(value, names, trial.budget)
        except ExpressionError as error:
            skipped.add(key)
            if not trial.samples_in(step, "with", key):
                yield no_value(step, (*step.loc, "with", key), error)
    sampled = {key for key in step.with_ if trial.samples_in(step, "with", key)}
    free = {
        key
        for key in step.with_
        if trial.samples_in(step, "with", key) & trial.free or trial.answers_in(step, "with", key)
    }

    def matters(details: ErrorDetails) -> bool:
        if not details["loc"]:
            return not skipped and not free
        key = details["loc"][0]
        return key not in skipped and (
            key not in free or details["type"].endswith(("_type", "_parsing", "_forbidden"))
        )

    def shown(details: ErrorDetails) -> object:
        key = str(details["loc"][0]) if details["loc"] else ""
        return step.with_[key] if key in sampled else details["input"]

    model, loc = tasks()[step.task].Params, (*step.loc, "with")
    try:
        params = model.model_validate(values)
    except ValidationError as error:
        yield from problems_of(error, model, step.document, loc, matters=matters, shown=shown)
    else:
        yield from shutdown_problems(step, params)
        yield from _out_of_turn(step, trial, params)
        if trial.inventory_known and not skipped and not sampled:
            yield from _refusals(step, trial.scene, params, trial.is_driver)
            yield from _cuts(step, trial, params)
        if question := tasks()[step.task].asks(params):
            trial.answers[identifier(step.id)] = StepResult(Outcome.UNCHANGED, question.sample(), sampled=True)


def _out_of_turn(step: Step, trial: _Trial, params: Parameters) -> Iterator[Problem]:
    first = tasks()[step.task].needs_first(params)
    if first and first not in trial.earlier:
        message = f"{step.task} is refused unless a step of {first} has succeeded before it"
        yield replace(step.document.problem((*step.loc, "task"), message), refused=True)


def _refusals(step: Step, scene: Scene, params: Parameters, is_driver: Callable[[str], bool]) -> Iterator[Problem]:
    if scene.on.named_driver is not None and not is_driver(scene.on.named_driver):
        return  # `driver_problems` says so, where it stands.
    try:
        tasks()[step.task].foresee(params, scene)
    except Refused as refusal:
        problem = step.document.problem((*step.loc, "task"), f"{step.task} on {scene.on.name}: {refusal}")
        yield replace(problem, refused=True)


def _cuts(step: Step, trial: _Trial, params: Parameters) -> Iterator[Problem]:
    try:
        networks = tasks()[step.task].cuts_off(params, trial.scene)
    except Refused:
        return  # `foresee` says so.
    yield from trial.ways.cut(step, trial.scene.target, trial.scene.on, networks)
