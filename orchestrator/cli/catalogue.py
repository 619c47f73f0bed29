"""tasks, schema: documentation and schemas."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.plugins import show_plugins
from stopgap.orchestrator.documents.catalogue import task_document, tasks_document
from stopgap.orchestrator.duration import PATTERN as DURATION
from stopgap.orchestrator.duration import format_duration, parse_duration
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.registry import origins
from stopgap.orchestrator.registry import tasks as all_tasks
from stopgap.orchestrator.task import Task


@dataclass(frozen=True)
class TasksOptions:
    """The options of `stopgap tasks`."""

    name: str | None = None
    json: bool = False


@dataclass(frozen=True)
class SchemaOptions:
    """The options of `stopgap schema`."""

    what: Literal["runbook", "inventory", "artifacts", "rules", "duties", "report", "driver", "events", "sinks"]


def tasks(options: TasksOptions) -> int:
    """List the tasks, or document one."""
    known = all_tasks()
    screen = screens.out()
    if options.name is None and options.json:
        print_document(tasks_document(known, origins()))
        return 0
    if options.name is None:
        of_plugins = origins()
        for name, task in known.items():
            origin = f"  ({of_plugins[name]})" if name in of_plugins else ""
            screen.line(f"{name:<20} {_first_line(task)}{origin}")
        screen.line()
        screen.line("`stopgap tasks NAME` documents one.")
        show_plugins(screen)
        return 0
    if options.name not in known:
        nearest = get_close_matches(options.name, known, 1)
        raise UsageError(
            f"no task {options.name}" + (f"; did you mean {nearest[0]}?" if nearest else f"; {', '.join(known)}")
        )
    if options.json:
        print_document(task_document(known[options.name], origins().get(options.name)))
    else:
        _document(screen, known[options.name])
    return 0


def schema(options: SchemaOptions) -> int:
    """Print a JSON Schema."""
    from stopgap.orchestrator.documents.event_schema import schema_events
    from stopgap.orchestrator.duties import DutyFile
    from stopgap.orchestrator.findings.schema import schema_rules
    from stopgap.orchestrator.provider_script import schema_driver
    from stopgap.orchestrator.report import schema_report
    from stopgap.orchestrator.runbook import schema_inventory, schema_of, schema_runbook
    from stopgap.orchestrator.sinks.config import SinkFile
    from stopgap.tasks.evidence.catalogue import ArtifactFile

    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "runbook": schema_runbook,
        "inventory": schema_inventory,
        "artifacts": partial(schema_of, ArtifactFile),
        "rules": schema_rules,
        "duties": partial(schema_of, DutyFile),
        "report": schema_report,
        "driver": schema_driver,
        "events": schema_events,
        "sinks": partial(schema_of, SinkFile),
    }
    made = makers[options.what]()
    json.dump(made, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0


def _first_line(task: Task[Any, Any]) -> str:
    return (inspect.getdoc(type(task)) or "").partition("\n")[0]


def _document(screen: screens.Screen, task: Task[Any, Any]) -> None:
    screen.line(task.name, "title")
    screen.lines((inspect.getdoc(type(task)) or "").splitlines(), indent="  ")
    screen.line()
    screen.line(f"on: {', '.join(task.vantages)} (the first that the inventory has for the target)")
    screen.line()
    fields = task.Params.model_json_schema().get("properties", {})
    required = set(task.Params.model_json_schema().get("required", []))
    for name, field in fields.items():
        default = "required" if name in required else f"default {_default(field)}"
        screen.line(f"  {name}  ({_type(field)}, {default})", "title")
        screen.lines(str(field.get("description", "")).splitlines(), indent="      ")
    if more := list(task.appendix()):
        screen.line()
        screen.lines(more)


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if field.get("pattern") == DURATION and isinstance(value, str):
        return format_duration(parse_duration(value))
    return json.dumps(value, ensure_ascii=False)


def _type(field: dict[str, Any]) -> str:
    if field.get("pattern") == DURATION:
        return "duration"
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(option) for option in field["anyOf"]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("format") or field.get("const") or field.get("type", "value"))
