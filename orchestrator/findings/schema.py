"""The JSON Schema of a file of rules, for editors."""

from __future__ import annotations

from typing import Any

from stopgap.orchestrator.findings.rule import Rule
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.runbook.schema import Schema, schema_of_parts

_VALUES: list[Schema] = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]


def schema_rules() -> Schema:
    """Return the JSON schema of rule files; a condition may be a value or a list, and each list of a condition a
    value.
    """
    schema = Rule.model_json_schema()
    definitions = schema.pop("$defs", {})
    conditions = definitions["Condition"]["properties"]
    for name, given in conditions.items():
        if given.get("type") == "array":
            conditions[name] = {"anyOf": [given, *_VALUES]}
    unless = schema["properties"]["unless"]
    schema["properties"]["unless"] = {"anyOf": [unless, unless["items"]]}
    known = {"enum": sorted(tables())}
    schema["properties"]["table"] = known
    definitions["Join"]["properties"]["table"] = known
    definitions["Rule"] = _with_short_conditions(schema)
    definitions["Join"] = _with_short_conditions(definitions["Join"])
    top: Schema = {
        "type": "object",
        "properties": {"rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}}},
        "required": ["rules"],
    }
    return schema_of_parts(top, definitions)


def _with_short_conditions(schema: Any) -> Any:  # noqa: ANN401
    if isinstance(schema, dict):
        if schema.get("$ref") == "#/$defs/Condition":
            return {"anyOf": [schema, *_VALUES, {"type": "array", "items": {"anyOf": _VALUES}}]}
        return {key: _with_short_conditions(inner) for key, inner in schema.items()}
    return [_with_short_conditions(inner) for inner in schema] if isinstance(schema, list) else schema
