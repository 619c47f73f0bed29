"""Stopgap's own extension of a playbook: believed where it says what the file's names, words and commands say.

What an export would write for the extension is held against what stands in the file: nothing unseen is believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stopgap.orchestrator.exchange.cacao import visible
from stopgap.orchestrator.exchange.cacao.identity import EXTENSION
from stopgap.orchestrator.exchange.cacao.playbook import HEADER_FIELD, PART_FIELD, STEP_FIELD, UNDO
from stopgap.orchestrator.runbook.models import RunbookFile, StepEntry

_TYPES = {"integer": "integer", "long": "integer", "float": "number", "bool": "boolean", "uri": "url"}
_STAND_IN = [{"task": "checkpoint"}]


def header(playbook: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the runbook's head in the extension, without steps; `None` if the extension contradicts the commands."""
    found = _field(playbook.get("playbook_extensions"), HEADER_FIELD)
    if not isinstance(found, dict) or "steps" in found:
        return None
    made = dict(found)
    try:
        RunbookFile.model_validate({**made, "steps": _STAND_IN})
        seen = visible.head(made)
    except (ValidationError, TypeError, ValueError, KeyError, AttributeError):
        return None
    given = {key: playbook.get(key) for key in seen}
    return made if given == seen else None


def entry(step: Mapping[str, Any], playbook: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the step in the extension, as a runbook has it; `None` if the extension contradicts the commands."""
    found = _field(step.get("step_extensions"), STEP_FIELD)
    if not isinstance(found, dict):
        return None
    made = dict(found)
    try:
        StepEntry.model_validate(made)
        seen = visible.action(made)
        over_ssh = visible.is_ssh(made)
    except (ValidationError, TypeError, ValueError, KeyError, AttributeError):
        return None
    if {key: step.get(key) for key in seen} != seen:
        return None
    if over_ssh and not _is_there(step, playbook, str(made.get("on") or "target")):
        return None
    return made


def _is_there(step: Mapping[str, Any], playbook: Mapping[str, Any], vantage: str) -> bool:
    """Tell whether the visible target is the vantage of the step."""
    targets = [playbook.get("target_definitions", {}).get(each) for each in step.get("targets", ())]
    address = f"{visible.TARGET}:value" if vantage == "target" else vantage
    return targets == [{"type": "ssh", "name": vantage, "address": {"dname": [address]}}]


def asks(made: Mapping[str, Any], question: Mapping[str, Any] | None) -> bool:
    """Tell whether the question before a step is the step's own `confirm`."""
    expected = visible.question(made)
    if expected is None or question is None:
        return False
    return all(question.get(key) == value for key, value in expected.items())


def part(step: Mapping[str, Any]) -> str | None:
    """Return which part of a step an action is, beside the step itself: `confirm` or `undo`."""
    found = _field(step.get("step_extensions"), PART_FIELD)
    return found if isinstance(found, str) else None


def is_undo(step: Mapping[str, Any]) -> bool:
    """Return True for the action that says what `on_failure: undo` says."""
    return part(step) == "undo" and step.get("commands") == [visible.manual(UNDO)]


def add_param(params: dict[str, Any], name: str, variable: Mapping[str, Any]) -> str:
    """Add a parameter for a variable of another tool's playbook; return the parameter's name."""
    base = re.sub("[^a-z0-9_]+", "_", name.strip("_").lower())
    base = base if re.match("[a-z]", base) else f"v_{base}"
    chosen, number = base[:60], 1
    while chosen in params:
        number += 1
        chosen = f"{base[:56]}_{number}"
    kind = _TYPES.get(str(variable.get("type")), "string")
    made: dict[str, Any] = {"type": kind}
    if isinstance(variable.get("description"), str):
        made["description"] = variable["description"]
    if isinstance(value := variable.get("value"), str):
        made["default"] = _typed(value, kind)
    params[chosen] = made
    return chosen


def _typed(value: str, kind: str) -> object:
    if kind == "boolean" and value in {"true", "false"}:
        return value == "true"
    if kind == "integer" and re.fullmatch("-?[0-9]{1,15}", value):
        return int(value)
    return value


def _field(extensions: object, name: str) -> object:
    found = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return found.get(name) if isinstance(found, dict) else None
