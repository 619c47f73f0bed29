"""OASIS's JSON Schemas of CACAO 2.0, mended, where a clone of them is: `STOPGAP_CACAO_SCHEMAS=DIR/schemas`.

They call themselves draft 7 and use a keyword of 2019-09: as draft 7 they refuse next to nothing, as 2020-12 each
command that has a payload. Mended: read as 2020-12, `command-data` open, each command held against its type's schema.
They are not part of this repository: theirs (oasis-open/cacao-json-schemas) has no licence for them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = os.environ.get("STOPGAP_CACAO_SCHEMAS")
_OWN_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def mended(folder: Path) -> dict[str, Any]:
    """Return the schemas below a folder by their path in it, mended."""
    schemas = {path.relative_to(folder).as_posix(): json.loads(path.read_bytes()) for path in folder.rglob("*.json")}
    for schema in schemas.values():
        schema["$schema"] = _OWN_DIALECT
    schemas["commands/command-data.json"].pop("unevaluatedProperties")
    schemas["workflows/workflow-step.json"].pop("anyOf")  # holds for every step: `required` names all three at once
    kinds = [name for name in schemas if name.startswith("commands/") and name != "commands/command-data.json"]
    [own] = [part for part in schemas["workflows/action.json"]["allOf"] if "properties" in part]
    own["properties"]["commands"]["items"] = {"oneOf": [{"$ref": f"../{name}"} for name in sorted(kinds)]}
    return schemas


def faults_by(schemas: Mapping[str, Any], playbook: Mapping[str, Any]) -> list[str]:
    """Return what the schemas refuse, each with its path."""
    registry = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
    )
    checked = Draft202012Validator(schemas["playbook.json"], registry=registry)
    return [f"{each.json_path}: {each.message}" for each in checked.iter_errors(playbook)]


def faults(playbook: Mapping[str, Any]) -> list[str]:
    """Return what OASIS's schemas refuse; nothing without them. SOARCA's agents have a type that OASIS lacks."""
    if not FOLDER:
        return []
    agents = {name: of for name, of in playbook["agent_definitions"].items() if of["type"] != "soarca"}
    kept = {key: value for key, value in playbook.items() if key != "agent_definitions"}
    return faults_by(mended(Path(FOLDER)), {**kept, **({"agent_definitions": agents} if agents else {})})
