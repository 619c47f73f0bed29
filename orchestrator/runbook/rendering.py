"""Renders a step: parameters rendered and validated, condition, items, and vantage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from stopgap.orchestrator.host import Host, Scene, Vantage
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook.expression import Budget, ExpressionError, View, evaluate, render_value
from stopgap.orchestrator.runbook.names import HOST_FIELDS
from stopgap.orchestrator.runbook.runbook import Step, StepResult
from stopgap.orchestrator.shutdown import service_shuts_down, shuts_down
from stopgap.orchestrator.source import InvalidInput, Loc, Problem, problems_of
from stopgap.orchestrator.task import Parameters, Task

MAX_ITEMS = 1000
NO_ITEM = object()


def render(
    step: Step,
    params: Mapping[str, Any],
    scene: Scene,
    steps: Mapping[str, StepResult],
    item: Any = NO_ITEM,  # noqa: ANN401
) -> Parameters:
    """Return the task's parameters, rendered once and validated; raises InvalidInput at the step's `with`."""
    names = visible(params, scene, steps, item)
    problems: list[Problem] = []
    values = {}
    for key, value in step.with_.items():
        try:
            values[key] = render_value(value, names)
        except ExpressionError as error:
            problems.append(no_value(step, (*step.loc, "with", key), error))
    if problems:
        raise InvalidInput(problems)
    model = tasks()[step.task].Params
    loc = (*step.loc, "with")
    try:
        rendered = model.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(problems_of(error, model, step.document, loc)) from error
    if problems := list(shutdown_problems(step, rendered)):
        raise InvalidInput(problems)
    return rendered


def applies(
    step: Step,
    params: Mapping[str, Any],
    scene: Scene,
    steps: Mapping[str, StepResult],
    item: Any = NO_ITEM,  # noqa: ANN401
    budget: Budget | None = None,
) -> bool:
    """Return True if the step's `when` holds; raises InvalidInput for a missing value. `budget` is charged too."""
    if not isinstance(step.when, str):
        return step.when is not False
    try:
        return bool(evaluate(step.when, visible(params, scene, steps, item), budget))
    except ExpressionError as error:
        raise InvalidInput([no_value(step, (*step.loc, "when"), error)]) from error


def items(
    step: Step,
    params: Mapping[str, Any],
    scene: Scene,
    steps: Mapping[str, StepResult],
    budget: Budget | None = None,
) -> list[Any] | None:
    """Return the `foreach` items of the step, `None` without `foreach`; raises InvalidInput."""
    if step.foreach is None:
        return None
    loc, names = (*step.loc, "foreach"), visible(params, scene, steps)
    try:
        if isinstance(step.foreach, str):
            given = evaluate(step.foreach, names, budget)
        else:
            given = render_value(step.foreach, names, budget)
    except ExpressionError as error:
        raise InvalidInput([no_value(step, loc, error)]) from error
    if not isinstance(given, (list, tuple)):
        raise InvalidInput([step.document.problem(loc, "`foreach` does not give a list", expected="a list")])
    if len(given) > MAX_ITEMS:
        message = f"`foreach` gives {len(given)} items"
        raise InvalidInput([step.document.problem(loc, message, expected=f"at most {MAX_ITEMS}")])
    return list(given)


def vantage_of(step: Step, task: Task[Any, Any], target: Host, inventory: Inventory) -> Vantage:
    """Return the vantage of a step for the target: the step's `on`, or the task's first vantage in the inventory.

    An upstream step falls back on the target only for a target with a driver, a router itself: a compromised host
    cannot be asked to cut itself off. Raises MissingVantage.
    """
    wanted = (step.on,) if step.on else default_vantages(task, target)
    for vantage in wanted:
        if inventory.offers(target, vantage):
            return vantage
    raise inventory.lacks(target, wanted[0])


def shutdown_problems(step: Step, params: Parameters) -> Iterator[Problem]:
    """Yield a problem if a general task would shut a host down without permission in the runbook."""
    field = _shuts_down_by(step.task, params)
    if field and not step.may_shut_down:
        message = "this would shut the host down, or leave it without its services"
        expected = "a step that lets it run: a host that was broken into may not come up again"
        hint = "`allow_shutdown: true` with a `reason`, at the top of the runbook, allows it"
        yield step.document.problem((*step.loc, "with", field), message, expected=expected, hint=hint)


def _shuts_down_by(task: str, params: Any) -> str | None:  # noqa: ANN401
    """Return the name of the parameter with the shutdown."""
    if task == "host.command":
        if shuts_down(params.argv, params.stdin):
            return "argv"
        return "undo" if params.undo and shuts_down(params.undo) else None
    if task == "host.service" and service_shuts_down(params.name, params.state):
        return "name"
    return None


def default_vantages(task: Task[Any, Any], target: Host) -> tuple[Vantage, ...]:
    """Return the default vantages of the task for this target, the best first."""
    if task.vantages[0] == "upstream" and target.named_driver is None:
        return tuple(vantage for vantage in task.vantages if vantage != "target")
    return task.vantages


def visible(
    params: Mapping[str, Any],
    scene: Scene,
    steps: Mapping[str, StepResult],
    item: Any = NO_ITEM,  # noqa: ANN401
) -> dict[str, object]:
    """Return all names visible to a template."""
    names: dict[str, object] = {
        "params": View(params),
        "target": _host_view(scene.target),
        "hosts": View(_SceneHosts(scene), _host_view),
        "steps": View(steps, _result_view),
    }
    if item is not NO_ITEM:
        names["item"] = item
    return names


class _SceneHosts(Mapping[str, Host]):
    """The hosts of a scene by name, gathered at the first request of a template."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    @cached_property
    def _hosts(self) -> dict[str, Host]:
        scene = self._scene
        named = (scene.target, scene.upstream, *scene.beside, scene.spare, *scene.outside, *scene.others)
        return {host.name: host for host in named if host}

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)


def _host_view(host: Host) -> View:
    return View({field: getattr(host, field) for field in HOST_FIELDS})


def _result_view(result: StepResult) -> View:
    return View({"changed": result.changed, "outcome": str(result.outcome), "answer": result.answer})


def no_value(step: Step, loc: Loc, error: ExpressionError) -> Problem:
    """Return the problem of a template or expression without a value."""
    return step.document.problem(loc, f"it has no value: {error}", hint=error.hint)
