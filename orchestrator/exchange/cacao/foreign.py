"""Commands of other tools as steps of a runbook: opaque, asked about, on a host that the inventory knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.exchange.cacao.places import place_of
from stopgap.orchestrator.exchange.cacao.reading import Path_, payload, refuse
from stopgap.orchestrator.exchange.imported import COMMAND_TASK, CONFIRM, line, literal
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.text import tr

QUESTION_TASK = "checkpoint"
_VARIABLE = re.compile(r"__[a-zA-Z][a-zA-Z0-9_-]*__:value")


def entries(
    step: Mapping[str, Any],
    path: Path_,
    playbook: Mapping[str, Any],
    hosts: Mapping[str, Host] | None,
    source: str,
) -> list[dict[str, Any]]:
    """Return the steps of an action, one for each command; raises InvalidInput for what a runbook cannot say."""
    made = []
    name = line(step.get("name"), "Imported step")
    for index, command in enumerate(step["commands"]):
        place: Path_ = (*path, "commands", index)
        text = payload(command, place, source)
        numbered = name if len(step["commands"]) == 1 else f"{name} ({index + 1})"
        if command["type"] == "manual":
            made.append(_question(numbered, text))
        else:
            made.append(_command(numbered, text, step, path, place, playbook, hosts, source))
    if (limit := step.get("timeout")) is not None:
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= 10**10:
            refuse(source, (*path, "timeout"), tr("milliseconds, at least one"))
        for entry in made:
            if entry["task"] == COMMAND_TASK:
                entry["timeout"] = f"{max(1, -(-limit // 1000))}s"
    return made


def _question(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "task": QUESTION_TASK,
        "with": {"ask": literal(f"Is it done: {name}?"), "reason": literal(text)},
    }


def _command(
    name: str,
    text: str,
    step: Mapping[str, Any],
    path: Path_,
    place: Path_,
    playbook: Mapping[str, Any],
    hosts: Mapping[str, Host] | None,
    source: str,
) -> dict[str, Any]:
    if used := _VARIABLE.search(text):
        refuse(
            source,
            place,
            tr("{variable} would be pasted into a shell; write the command out", variable=used[0]),
        )
    where = place_of(step, path, playbook, hosts, source)
    made: dict[str, Any] = {"name": name, "task": COMMAND_TASK, "with": {"argv": ["sh", "-c", literal(text)]}}
    if where.vantage != "target":
        made["on"] = where.vantage
    if where.when:
        made["when"] = where.when
    return {**made, "confirm": CONFIRM}
