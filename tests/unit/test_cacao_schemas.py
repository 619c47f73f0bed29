"""The mending of OASIS's schemas, on schemas of the same build: a payload passes, what is unknown does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cacao_schemas import faults_by, mended

BASE = "https://example.invalid/schemas/"
SCHEMAS: dict[str, Any] = {
    "playbook.json": {
        "properties": {"workflow": {"additionalProperties": {"$ref": "workflows/action.json"}}},
        "unevaluatedProperties": False,
    },
    "workflows/workflow-step.json": {
        "properties": {"type": {"type": "string"}, "on_success": {"type": "string"}},
        "anyOf": [{"not": {"required": ["on_completion", "on_success", "on_failure"]}}],
    },
    "workflows/action.json": {
        "allOf": [
            {"$ref": "workflow-step.json"},
            {"properties": {"commands": {"type": "array", "items": {"$ref": "../commands/command-data.json"}}}},
        ],
        "unevaluatedProperties": False,
    },
    "commands/command-data.json": {
        "allOf": [{"properties": {"type": {"type": "string"}}}],
        "unevaluatedProperties": False,
    },
    "commands/ssh.json": {
        "allOf": [
            {"$ref": "./command-data.json"},
            {"properties": {"type": {"enum": ["ssh"]}, "command": {"type": "string"}}},
        ],
        "unevaluatedProperties": False,
    },
}


@pytest.fixture
def schemas(tmp_path: Path) -> dict[str, Any]:
    for name, schema in SCHEMAS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        head = {"$id": f"{BASE}{name}", "$schema": "http://json-schema.org/draft-07/schema#"}
        (tmp_path / name).write_text(json.dumps({**head, **schema}))
    return mended(tmp_path)


def step(**command: str) -> dict[str, Any]:
    return {"workflow": {"action--1": {"type": "action", "commands": [command]}}}


def test_a_command_with_its_payload_passes(schemas: dict[str, Any]) -> None:
    assert faults_by(schemas, step(type="ssh", command="reboot")) == []


@pytest.mark.parametrize(
    "playbook", [step(type="ssh", commnd="x"), step(type="odd", command="x"), {**step(type="ssh"), "name": "x"}]
)
def test_unknown_keys_and_commands_are_refused(schemas: dict[str, Any], playbook: dict[str, Any]) -> None:
    assert faults_by(schemas, playbook)
