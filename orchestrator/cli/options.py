"""Options of a command line as a runbook of one step: values as typed, problems reported by option."""

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
    """A document made of options: a problem names an option, not a line."""

    def place(self, known: Loc, *, at_key: bool, pointing_at: str) -> tuple[str, Position | None]:
        """Return the option of the value."""
        return self.path if len(known) < len(_PARAMETER) + 1 else f"--{_option(known[len(_PARAMETER)])}", None


def step_of_options(task: Task[Any, Any], typed: Mapping[str, Any], on: str | None) -> Options:
    """Return a runbook with one step of the task.

    `typed` maps parameters to texts, or to a list of texts for a repeated option. Text is literal: templates have no
    effect; numbers and mappings are parsed if the parameter takes no text. Raises InvalidInput.
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
    """Return True if the parameter takes several values."""
    return "array" in _kinds(task, name)


def _value(task: Task[Any, Any], name: str, text: Any) -> object:  # noqa: ANN401
    if isinstance(text, list):
        return [_one(task, name, item) for item in text]
    return _one(task, name, text)


def _one(task: Task[Any, Any], name: str, text: str) -> object:
    """Parse a text: a mapping as YAML or JSON; true and false as booleans if the parameter takes no text."""
    kinds = _kinds(task, name)
    if text.startswith("{") and "object" in kinds:
        return parse(text, f"--{_option(name)}").data
    if text in {"true", "false"} and "boolean" in kinds and "string" not in kinds:
        return text == "true"
    return text


def _kinds(task: Task[Any, Any], name: str) -> set[str]:
    """Return the JSON types of a parameter and of the parameter's items."""
    whole = task.Params.model_json_schema()

    def kinds(schema: Mapping[str, Any]) -> set[str]:
        if reference := schema.get("$ref"):
            return kinds(whole["$defs"][reference.rsplit("/", 1)[-1]])
        inner = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        inner += [schema["items"]] if isinstance(schema.get("items"), dict) else []
        return {str(schema.get("type", ""))}.union(*map(kinds, inner))

    return kinds(whole["properties"][name])


def _verbatim(value: object) -> object:
    """Escape text like a template, so rendering returns the same text, in this run and after a resume."""
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
