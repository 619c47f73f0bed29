"""What a reader of CACAO sees of a runbook: everything that Stopgap's extension holds is said in words as well.

The import makes these words again from the extension, and believes the extension where the words are the file's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.exchange.imported import COMMAND_TASK
from stopgap.orchestrator.exchange.runbook_text import runbook_yaml
from stopgap.orchestrator.runbook.expression import is_template

AS_STEP = "As a step of a Stopgap runbook:"
AS_HEADER = "The head of the Stopgap runbook:"
TARGET = "__target-address__"
"""Variable with the address of the host that the steps act on; no parameter has a hyphen in its name."""
ACTIVITY = "execute-operation"
_CONDITIONS = ("when", "foreach")
_VARIABLE_TYPES = {"integer": "integer", "number": "float", "boolean": "bool", "url": "uri"}


def variable(name: str) -> str:
    """Return the name of a parameter's variable.

    >>> variable("contact")
    '__contact__'
    """
    return f"__{name}__"


def header(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the runbook's data without the steps."""
    return {key: value for key, value in data.items() if key != "steps"}


def head(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the visible head of a playbook: `name`, `description`, `playbook_variables`.

    Args:
        data: the runbook's data, as written; the steps are not read.
    """
    own = header(data)
    said = str(own.get("description") or own["name"])
    variables = {variable(name): _variable(param) for name, param in (own.get("params") or {}).items()}
    variables[TARGET] = {
        "type": "string",
        "description": "Address of the host that the playbook is about",
        "constant": False,
        "external": True,
    }
    return {
        "name": str(own["name"]),
        "description": f"{said}\n\n{AS_HEADER}\n{runbook_yaml(own)}",
        "playbook_variables": variables,
    }


def _variable(param: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": _VARIABLE_TYPES.get(str(param.get("type")), "string")}
    if param.get("description"):
        made["description"] = str(param["description"])
    if "default" in param and param.get("type") != "secret":
        default = param["default"]
        made["value"] = default if default is None or isinstance(default, str) else json.dumps(default)
    return {**made, "constant": False, "external": True}


def question(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the visible part of the question before a step: `name`, `commands`; `None` without a question."""
    if entry.get("confirm") is None:
        return None
    text = f"Before the next step, a person decides: {entry['confirm']}"
    return {"name": f"Question before: {title(entry)}", "commands": [manual(text)]}


def action(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the visible part of a step: `name`, `description`, `commands`, and `timeout` in milliseconds."""
    return {
        "name": title(entry),
        "description": f"{AS_STEP}\n{runbook_yaml(entry)}",
        "commands": [_command(entry)],
    }


def title(entry: Mapping[str, Any]) -> str:
    """Return the name of a step, else the name of its task."""
    return str(entry.get("name") or entry["task"])


def manual(text: str) -> dict[str, Any]:
    """Return a command for a person."""
    return {"type": "manual", "playbook_activity": ACTIVITY, "command": text}


def is_ssh(entry: Mapping[str, Any]) -> bool:
    """Return True for a step that is one command with known words: another tool carries out the same over SSH.

    A step with a condition, a template or a path to look at first is left to a person, who reads the condition: a
    variable is never pasted into a shell.
    """
    if entry["task"] != COMMAND_TASK or entry.get("on") == "controller":
        return False
    if any(entry.get(key) is not None for key in _CONDITIONS):
        return False
    given = entry.get("with") or {}
    words = list(_texts(given))
    argv = given.get("argv")
    if "creates" in given or not isinstance(argv, list) or not all(isinstance(word, str) for word in argv):
        return False
    return bool(argv) and not any(is_template(word) or "\0" in word for word in words)


def _command(entry: Mapping[str, Any]) -> dict[str, Any]:
    if not is_ssh(entry):
        given = runbook_yaml(entry.get("with") or {})
        conditions = "".join(f"\n{key}: {entry[key]}" for key in _CONDITIONS if entry.get(key) is not None)
        return manual(f"Let Stopgap carry out the task {entry['task']}, with\n{given}{conditions}".rstrip())
    given = entry["with"]
    one = Command(argv=tuple(given["argv"]), stdin=given.get("stdin"), ok=tuple(given.get("expect") or (0,)))
    return {"type": "ssh", "playbook_activity": ACTIVITY, "command": one.script()}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
