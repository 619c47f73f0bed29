"""JSON Schemas of a runbook and an inventory, for completion, help and validation in editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel

from stopgap.orchestrator.duration import EXPECTED, PATTERN
from stopgap.orchestrator.inventory.models import InventoryFile
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook.drivers import known_drivers
from stopgap.orchestrator.runbook.models import RunbookFile
from stopgap.orchestrator.task import Task

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{", "description": "A template, such as {{ params.name }}."}


def schema_inventory() -> Schema:
    """Return the JSON Schema of an inventory, with the drivers by name."""
    schema = schema_of(InventoryFile)
    for entry in ("HostEntry", "SharedEntry"):
        driver = schema["$defs"][entry]["properties"]["driver"]
        driver["anyOf"] = [{"enum": list(known_drivers())}, {"type": "null"}]
    # A key of `hosts` with a wildcard is a pattern, and its entry has no address; ranges such as [1:9] are hosts.
    pattern = r"[*?!&]|\[(?![0-9A-Za-z]+:)"
    schema["properties"]["hosts"]["patternProperties"] = {pattern: {"$ref": "#/$defs/SharedEntry"}}
    return schema


def schema_of(model: type[BaseModel]) -> Schema:
    """Return the JSON Schema of a file described by a model."""
    return {"$schema": DIALECT, **_without_titles(model.model_json_schema(by_alias=True))}


def schema_of_parts(top: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return the JSON Schema of a file assembled from definitions."""
    return {"$schema": DIALECT, **_without_titles({**top, "$defs": dict(definitions)})}


def schema_runbook() -> Schema:
    """Return the JSON Schema of a runbook, with the parameters of every task.

    A template may stand for any parameter other than text.
    """
    schema = RunbookFile.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    step = definitions["StepEntry"]
    step["properties"]["task"] = {
        "description": step["properties"]["task"]["description"],
        "anyOf": [{"const": name, "description": _docstring(task)} for name, task in tasks().items()],
    }
    step["allOf"] = []
    for name, task in tasks().items():
        given = _parameters(name, task, definitions)
        consequence: Schema = {"properties": {"with": given, "on": {"enum": [*task.vantages, None]}}}
        if given.get("required"):
            consequence["required"] = ["with"]
        condition = {"properties": {"task": {"const": name}}, "required": ["task"]}
        step["allOf"].append({"if": condition, "then": consequence})
    return {"$schema": DIALECT, **_without_titles(schema)}


def _parameters(name: str, task: Task[Any, Any], definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a task's parameters; referenced schemas move to the definitions, under the task's name."""
    schema = task.Params.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{name}.{inner}"] = _with_templates(definition)
    return _with_templates(schema)


def _with_templates(schema: Schema) -> Schema:
    """Allow a template for each member of an object and each item of a list, at any depth."""
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {name: _or_template(inner) for name, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            changed[key] = _or_template(schema[key])
    if "prefixItems" in schema:
        changed["prefixItems"] = [_or_template(inner) for inner in schema["prefixItems"]]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            changed[key] = [_with_templates(inner) for inner in schema[key]]
    if schema.get("pattern") == PATTERN:
        changed.pop("default", None)  # pydantic writes ISO 8601
        changed["description"] = f"{schema.get('description', '')} Here {EXPECTED}.".strip()
    return changed


def _or_template(schema: Schema) -> Schema:
    inner = _with_templates(schema)
    if _takes_any_text(inner):
        return inner
    about: Schema = {key: inner.pop(key) for key in ("description", "title", "default") if key in inner}
    return {**about, "anyOf": [inner, _TEMPLATE]}


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and not {"pattern", "format", "enum", "const", "maxLength"} & set(schema)


def _without_titles(schema: Any) -> Any:  # noqa: ANN401
    """Drop the titles, mere repetitions of field names."""
    if isinstance(schema, dict):
        return {k: _without_titles(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
    return [_without_titles(item) for item in schema] if isinstance(schema, list) else schema


def _docstring(task: Task[Any, Any]) -> str:
    return "\n".join(line.strip() for line in (task.__doc__ or "").strip().splitlines())
