"""Loads a runbook: schema, tasks, order of steps, names in templates; all problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook.confidential import secret_problems
from stopgap.orchestrator.runbook.expression import identifier
from stopgap.orchestrator.runbook.models import ParamEntry, RetryEntry, RunbookFile, StepEntry
from stopgap.orchestrator.runbook.names import Scope, name_problems
from stopgap.orchestrator.runbook.runbook import Param, Retry, Runbook, Step, seconds
from stopgap.orchestrator.source import (
    InvalidInput,
    Located,
    Problem,
    Unfit,
    did_you_mean,
    kind_of,
    mistaken,
    parse,
    quoted,
    read,
    structure_problems,
    validate,
)
from stopgap.orchestrator.text import tr

M = TypeVar("M", bound=BaseModel)


def load_runbook(path: Path) -> Runbook:
    """Read a runbook file and return the runbook; raises InvalidInput with all problems of the file itself."""
    return _whole(*draft(read(path)))


def parse_runbook(text: str, path: str) -> Runbook:
    """Parse a runbook from text, as `load_runbook` does."""
    return _whole(*draft(parse(text, path)))


def _whole(runbook: Runbook, problems: list[Problem]) -> Runbook:
    if problems:
        raise InvalidInput(problems)
    return runbook


def draft(document: Located) -> tuple[Runbook, list[Problem]]:
    """Return the readable parts and all problems; with problems, only the sound parts come back, unfit to run."""
    if (kind := kind_of(document.data)) not in {None, "a runbook"}:
        raise InvalidInput([mistaken(document.path, "a runbook", kind)])
    problems: list[Problem] = []
    validate(RunbookFile, document, (), problems)
    if problems:
        problems += structure_problems(document.text, document.path)
    data = document.data if isinstance(document.data, dict) else {}
    params = _params(document, _mapping(data, "params"), problems)
    reason = _shutdown_reason(document, data, problems)
    entries = data.get("steps")
    entries = entries if isinstance(entries, list) else []
    steps = _steps(document, entries, reason is not None, problems)
    ids = [step.id for step in steps]
    broken = _ids_of(entries) - set(ids)
    declared = [str(name) for name in _mapping(data, "params")]
    for place, step in enumerate(steps):
        earlier = [*ids[:place], *broken]
        problems.extend(_needs_problems(step, earlier, ids))
        problems.extend(name_problems(step, Scope(declared, earlier, [*ids, *broken])))
        problems.extend(secret_problems(step, params))
    return (
        Runbook(
            name=str(data.get("name")),
            description=str(data.get("description") or ""),
            params=MappingProxyType(params),
            steps=tuple(steps),
            shutdown_reason=reason,
            document=document,
            name_ja=str(data.get("name_ja") or ""),
            description_ja=str(data.get("description_ja") or ""),
            approve=_approve(data),
        ),
        problems,
    )


def _mapping(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _sound(model: type[M], data: object) -> M | None:
    try:
        return model.model_validate(data)
    except ValidationError:
        return None  # The whole file's validation has reported it.


def _params(document: Located, entries: Mapping[str, Any], problems: list[Problem]) -> dict[str, Param]:
    params = {}
    for name, raw in entries.items():
        loc = ("params", name)
        if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name):
            message = f"{quoted(name)} cannot be a parameter's name"
            expected = "lower-case letters, digits and underscores, a letter first"
            problems.append(document.problem(loc, message, expected=expected, at_key=True))
        entry = _sound(ParamEntry, raw)
        if entry is None:
            continue
        if (entry.type == "choice") != (entry.choices is not None):
            message = "a choice needs its `choices`" if entry.type == "choice" else f"`choices` of type {entry.type}"
            problems.append(document.problem((*loc, "choices"), message, expected="`type: choice` with `choices`"))
            continue
        required = "default" not in entry.model_fields_set
        param = Param(name, entry.type, entry.description, required, None, entry.choices or (), entry.description_ja)
        if not required and entry.default is not None:
            try:
                param = replace(param, default=param.accept(entry.default))
            except Unfit as error:
                message = f"the default of {name}: {error.message}"
                at = (*loc, "default")
                problems.append(document.problem(at, message, expected=error.expected, hint=error.hint))
        params[name] = param
    return params


def _steps(document: Located, entries: list[Any], may_shut_down: bool, problems: list[Problem]) -> list[Step]:
    taken = {identifier(step_id): 0 for step_id in _ids_of(entries)}
    first: dict[str, int] = {}
    steps = []
    for place, raw in enumerate(entries):
        entry = _sound(StepEntry, raw)
        task_name = entry.task if entry else raw.get("task") if isinstance(raw, dict) else None
        if isinstance(task_name, str) and task_name not in tasks():
            hint = did_you_mean(task_name, tasks())
            absent = tr("there is no task {name}", name=quoted(task_name))
            problems.append(document.problem(("steps", place, "task"), absent, hint=hint))
        if entry is None:
            continue
        if entry.id is not None:
            line = document.value(("steps", place, "id")).line
            if first.setdefault(identifier(entry.id), line) != line:
                message = f"the id {quoted(entry.id)} is taken"
                hint = f"by the step at line {first[identifier(entry.id)]}"
                problems.append(document.problem(("steps", place, "id"), message, hint=hint))
                continue
        if entry.task in tasks():
            steps.append(_step(document, place, entry, entry.id or _free_id(entry.task, taken), may_shut_down))
    return steps


def _ids_of(entries: list[Any]) -> set[str]:
    return {raw["id"] for raw in entries if isinstance(raw, dict) and isinstance(raw.get("id"), str)}


def _free_id(task_name: str, taken: dict[str, int]) -> str:
    base = re.sub("[^a-z0-9]+", "-", task_name.lower()).strip("-")
    number = 1
    while identifier(step_id := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    taken[identifier(step_id)] = 0
    return step_id


def _step(document: Located, place: int, entry: StepEntry, step_id: str, may_shut_down: bool) -> Step:
    task = tasks()[entry.task]
    retry = entry.retry
    if isinstance(retry, int):
        retry = RetryEntry(attempts=retry, pause=timedelta(seconds=Retry.pause))
    return Step(
        id=step_id,
        name=entry.name or (task.__doc__ or entry.task).strip().splitlines()[0].rstrip("."),
        task=entry.task,
        with_=MappingProxyType(entry.with_),
        on=entry.on,
        when=entry.when,
        foreach=entry.foreach,
        needs=entry.needs,
        retry=Retry(retry.attempts, retry.pause.total_seconds()) if retry else Retry(),
        timeout=seconds(entry.timeout),
        on_failure=entry.on_failure,
        confirm=entry.confirm,
        may_shut_down=may_shut_down,
        document=document,
        loc=("steps", place),
        name_ja=entry.name_ja or "",
    )


def _needs_problems(step: Step, earlier: list[str], ids: list[str]) -> Iterator[Problem]:
    for index, need in enumerate(step.needs):
        if need in earlier:
            continue
        loc = (*step.loc, "needs", index)
        if need == step.id:
            yield step.document.problem(loc, f"{need} cannot need itself")
        elif need in ids:
            yield step.document.problem(loc, f"{need} comes later", expected="an earlier step")
        else:
            hint = did_you_mean(need, earlier)
            yield step.document.problem(
                loc, f"there is no step {quoted(need)}", expected="an earlier step", hint=hint
            )


def _approve(data: Mapping[str, Any]) -> int:
    """Return how many people a run takes; for a value with a problem, reported elsewhere, 1."""
    people = data.get("approve", 1)
    return people if isinstance(people, int) and not isinstance(people, bool) else 1


def _shutdown_reason(document: Located, data: Mapping[str, Any], problems: list[Problem]) -> str | None:
    allowed, reason = data.get("allow_shutdown"), data.get("reason")
    if allowed is True and reason is None:
        expected = "a `reason` beside it: a host that was broken into may not come up again"
        problems.append(
            document.problem(("allow_shutdown",), "a shutdown is allowed without a reason", expected=expected)
        )
    if allowed is not True and reason is not None:
        problems.append(
            document.problem(("reason",), "a reason for nothing", expected="`allow_shutdown: true` beside it")
        )
    return str(reason) if allowed is True and reason else None
