"""Options of a command line as a runbook of one step: each value as it was typed, each problem at its option."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.runbook.expression import is_template
from stopgap.orchestrator.secret.agreement import COMMAND, agree
from stopgap.orchestrator.source import InvalidInput, Loc, Located, Position, Problem, parse
from stopgap.orchestrator.task import Task

_PARAMETER = ("steps", 0, "with")


@dataclass(frozen=True)
class Options(Located):
    """A document that was made of options: a problem is an option's, and has no line."""

    def place(self, known: Loc, *, at_key: bool, pointing_at: str) -> tuple[str, Position | None]:
        """Give the option that holds the value."""
        return self.path if len(known) < len(_PARAMETER) + 1 else f"--{_option(known[len(_PARAMETER)])}", None


def step_of_options(task: Task[Any, Any], typed: Mapping[str, Any], on: str | None) -> Options:
    """Give the runbook of one step of the task.

    `typed`: text for each parameter, or a list of texts for one that was repeated. A text is the value: templates in
    it mean nothing, and numbers and mappings are read where the parameter takes no text. Raises InvalidInput.
    """
    problems: list[Problem] = []
    values: dict[str, object] = {}
    for name, text in typed.items():
        try:
            values[name] = _value(task, name, text)
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    agree(text for text in _texts(values) if text.startswith(COMMAND))
    step = {"task": task.name, "with": _verbatim(values), **({"on": on} if on else {})}
    text = json.dumps({"name": task.name, "steps": [step]}, ensure_ascii=False)
    read = parse(text, f"fab {task.name}")
    return Options(read.path, read.text, read.data, read.values, read.keys)


def is_list(task: Task[Any, Any], name: str) -> bool:
    """Tell whether a parameter takes several values."""
    return "array" in _kinds(task, name)


def _value(task: Task[Any, Any], name: str, text: Any) -> object:  # noqa: ANN401
    if isinstance(text, list):
        return [_one(task, name, item) for item in text]
    return _one(task, name, text)


def _one(task: Task[Any, Any], name: str, text: str) -> object:
    """Read one text: a mapping is written as YAML or JSON has it, true and false where no text is taken."""
    kinds = _kinds(task, name)
    if text.startswith("{") and "object" in kinds:
        return parse(text, f"--{_option(name)}").data
    if text in {"true", "false"} and "boolean" in kinds and "string" not in kinds:
        return text == "true"
    return text


def _kinds(task: Task[Any, Any], name: str) -> set[str]:
    """Give the types of JSON that a parameter takes, and those of its items."""
    whole = task.Params.model_json_schema()

    def kinds(schema: Mapping[str, Any]) -> set[str]:
        if reference := schema.get("$ref"):
            return kinds(whole["$defs"][reference.rsplit("/", 1)[-1]])
        inner = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        inner += [schema["items"]] if isinstance(schema.get("items"), dict) else []
        return {str(schema.get("type", ""))}.union(*map(kinds, inner))

    return kinds(whole["properties"][name])


def _verbatim(value: object) -> object:
    """Write what looks like a template as one that gives the very text, for this run and for whoever resumes it."""
    if isinstance(value, str):
        if not is_template(value):
            return value
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"{{{{ '{escaped}' }}}}"
    if isinstance(value, list):
        return [_verbatim(item) for item in value]
    if isinstance(value, dict):
        return {key: _verbatim(item) for key, item in value.items()}
    return value


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _option(name: object) -> str:
    return str(name).replace("_", "-")
