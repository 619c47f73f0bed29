"""The workflow of a playbook as a graph: what a runbook has no counterpart of is refused, each with its JSON path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stopgap.orchestrator.exchange.cacao.identity import is_identifier
from stopgap.orchestrator.exchange.cacao.reading import MOST_PROBLEMS, Path_, problem
from stopgap.orchestrator.source import InvalidInput, Problem, did_you_mean
from stopgap.orchestrator.text import tr

MOST_STEPS = 200
WAYS = ("on_completion", "on_success", "on_failure", "on_true", "on_false")
SUPPORTED = ("start", "end", "action", "if-condition")
NOT_SUPPORTED = ("while-condition", "switch-condition", "parallel", "playbook-action")
COMMANDS = ("manual", "ssh", "bash")
_OTHER_COMMANDS = (
    "caldera-cmd", "elastic", "http-api", "jupyter", "kestrel", "openc2-http", "powershell", "sigma", "yara"
)  # fmt: skip


def check_graph(playbook: Mapping[str, Any], source: str) -> None:
    """Raise InvalidInput with what the importer refuses of a playbook's shape."""
    problems = []
    for each in _faults(playbook, source):
        problems.append(each)
        if len(problems) == MOST_PROBLEMS:
            break
    if problems:
        raise InvalidInput(problems)


def _faults(playbook: Mapping[str, Any], source: str) -> Iterator[Problem]:
    for key, wanted in (("type", "playbook"), ("spec_version", "cacao-2.0")):
        if playbook.get(key) != wanted:
            yield problem(source, (key,), tr("it has to be {wanted}", wanted=wanted))
    for key in ("id", "workflow_start"):
        if not isinstance(playbook.get(key), str) or not is_identifier(playbook[key]):
            yield problem(source, (key,), tr("no identifier: KIND--UUID"))
    if not isinstance(playbook.get("name"), str) or not playbook["name"].strip():
        yield problem(source, ("name",), tr("a playbook needs a name"))
    for key in ("agent_definitions", "target_definitions", "playbook_variables", "playbook_extensions"):
        found = playbook.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
            yield problem(source, (key,), tr("it has to be an object of objects"))
            return
    steps = playbook.get("workflow")
    if not isinstance(steps, dict) or not all(isinstance(step, dict) for step in steps.values()):
        yield problem(source, ("workflow",), tr("it has to be an object of objects"))
        return
    if len(steps) > MOST_STEPS:
        yield problem(source, ("workflow",), tr("it has more than {most} steps", most=MOST_STEPS))
        return
    shapes = [fault for step_id, step in steps.items() for fault in _step_faults(step_id, step, playbook, source)]
    yield from shapes
    start = steps.get(str(playbook.get("workflow_start")))
    if start is None or start.get("type") != "start":
        yield problem(source, ("workflow_start",), tr("it leads to no start step"))
    elif not shapes:
        yield from _loops(playbook, source)


def _step_faults(
    step_id: str, step: Mapping[str, Any], playbook: Mapping[str, Any], source: str
) -> Iterator[Problem]:
    path: Path_ = ("workflow", step_id)
    kind = step.get("type")
    if kind in NOT_SUPPORTED:
        yield problem(source, (*path, "type"), tr("{kind} has no counterpart in a runbook", kind=kind))
        return
    if kind not in SUPPORTED:
        yield problem(source, (*path, "type"), tr("no such type of step"))
        return
    if not is_identifier(step_id) or not step_id.startswith(f"{kind}--"):
        yield problem(source, path, tr("no identifier of a step: {kind}--UUID", kind=kind))
    extensions = step.get("step_extensions", {})
    if not isinstance(extensions, dict) or not all(isinstance(each, dict) for each in extensions.values()):
        yield problem(source, (*path, "step_extensions"), tr("it has to be an object of objects"))
    for way in WAYS:
        if way not in step:
            continue
        if not isinstance(step[way], str) or step[way] not in playbook["workflow"]:
            yield problem(source, (*path, way), tr("it leads to a step that is not there"))
    if {"on_completion"} & step.keys() and {"on_success", "on_failure"} & step.keys():
        yield problem(source, path, tr("on_completion stands beside on_success or on_failure"))
    if kind == "end" and set(WAYS) & step.keys():
        yield problem(source, path, tr("an end leads nowhere"))
    if kind == "start" and "on_completion" not in step:
        yield problem(source, path, tr("a start leads to a step by on_completion"))
    if kind == "if-condition" and not (isinstance(step.get("condition"), str) and "on_true" in step):
        yield problem(source, path, tr("a condition needs condition and on_true"))
    if kind == "action":
        yield from _action_faults(path, step, playbook, source)


def _action_faults(
    path: Path_, step: Mapping[str, Any], playbook: Mapping[str, Any], source: str
) -> Iterator[Problem]:
    if "on_completion" not in step and "on_success" not in step:
        yield problem(source, path, tr("an action leads to a step by on_completion or on_success"))
    commands = step.get("commands")
    if not isinstance(commands, list) or not commands or not all(isinstance(each, dict) for each in commands):
        yield problem(source, (*path, "commands"), tr("an action needs a list of commands"))
        return
    for index, command in enumerate(commands):
        kind, place = command.get("type"), (*path, "commands", index)
        if kind in _OTHER_COMMANDS:
            yield problem(source, (*place, "type"), tr("{kind} has no counterpart in a runbook", kind=kind))
        elif kind not in COMMANDS:
            hint = did_you_mean(kind, COMMANDS) if isinstance(kind, str) else None
            yield replace(problem(source, (*place, "type"), tr("no such type of command")), hint=hint)
    agents, targets = playbook.get("agent_definitions", {}), playbook.get("target_definitions", {})
    if not isinstance(step.get("agent"), str) or step["agent"] not in agents:
        yield problem(source, (*path, "agent"), tr("no such agent in agent_definitions"))
    named = step.get("targets", [])
    if not isinstance(named, list):
        yield problem(source, (*path, "targets"), tr("it has to be a list"))
        return
    for index, target in enumerate(named):
        if not isinstance(target, str) or target not in targets:
            yield problem(source, (*path, "targets", index), tr("no such target in target_definitions"))


def _loops(playbook: Mapping[str, Any], source: str) -> Iterator[Problem]:
    steps = playbook["workflow"]
    open_: set[str] = set()
    closed: set[str] = set()
    stack: list[tuple[str, bool, Path_]] = [(playbook["workflow_start"], False, ("workflow_start",))]
    while stack:
        here, done, path = stack.pop()
        if done:
            open_.discard(here)
            closed.add(here)
        elif here in open_:
            yield problem(source, path, tr("it leads back: a runbook has no loops"))
        elif here not in closed:
            open_.add(here)
            stack.append((here, True, path))
            stack += [(steps[here][way], False, ("workflow", here, way)) for way in WAYS if way in steps[here]]
