"""The JSON Schema of an event, made of the records' own models: `stopgap schema events`."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator.documents.envelope import VERSION
from stopgap.orchestrator.documents.event_names import EVENTS, OF_COMMANDS, RECORDS
from stopgap.orchestrator.documents.notices import NoticeName
from stopgap.orchestrator.journal.record import Record
from stopgap.orchestrator.journal.records import Verdict
from stopgap.orchestrator.outcome import Outcome
from stopgap.orchestrator.severity import SEVERITIES

Schema: TypeAlias = dict[str, Any]
_PLACES = frozenset({"kind", "run", "host", "step", "target", "name"})


class _Fields(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class _Started(_Fields):
    runbook: str
    targets: list[str]
    operator: str = Field(description="`user@machine` of the controller.")
    incident: str | None


class _Intended(_Fields):
    index: int
    do: str
    undo: str


class _StepEnded(_Fields):
    step: str
    target: str
    host: str
    task: str
    outcome: str | None
    reason: str


class _Ended(_Fields):
    outcome: str
    exit_code: int | None
    reason: str
    steps: list[_StepEnded]
    containment: dict[str, Verdict]
    plan_digest: str | None
    report: str | None = Field(description="Path of the report, once it is written.")


class _Waits(_Fields):
    question: str
    reason: str
    expected: str
    default: str | None
    timeout_seconds: float | None
    command: str = Field(description="What answers the question, with VALUE for the answer.")


class _Authorized(_Fields):
    person: str
    action: str
    roles: str = Field(description="SHA-256 of the roles.yaml that permitted the act.")


class _Approval(_Fields):
    person: str = Field(description="Who began the run.")
    plan_digest: str
    people: int = Field(description="How many people the run takes.")
    emergency: str = Field(description="Why the run goes first; empty: it waits.")


class _ApprovalNeeded(_Approval):
    command: str = Field(description="What another person gives.")


class _Failed(_Fields):
    outcome: Outcome
    reason: str


class _Judged(_Fields):
    verdict: Verdict


class _Drifted(_Fields):
    index: int
    undo: bool
    reason: str


class _Others(_Fields):
    state: str = Field(description="`changed` or `gone`; of `in-force-again`: `in-force`.")
    reason: str


class _Ends(_Fields):
    until: str = Field(description="RFC 3339.")


class _Finding(_Fields):
    finding: str = Field(description="Id of the rule.")
    title: str
    count: int
    first: str = Field(description="The first match, with its location.")
    times: list[str] = Field(description="By the host's own clock.")
    tags: list[str] = Field(description="Techniques of MITRE ATT&CK.")
    folder: str = Field(description="Of the collection, relative to the run's folder.")
    profile: str


_NOTICES: dict[NoticeName, type[BaseModel]] = {
    "question-waits": _Waits,
    "approval-needed": _ApprovalNeeded,
    "step-failed": _Failed,
    "contained": _Judged,
    "partly": _Judged,
    "unverified": _Judged,
    "drifted": _Drifted,
    "changed-by-others": _Others,
    "in-force-again": _Others,
    "block-ends-soon": _Ends,
    "finding": _Finding,
}
_OWN: dict[str, type[BaseModel]] = {
    "run-started": _Started,
    "authorized": _Authorized,
    "approval-asked": _Approval,
    "change-intended": _Intended,
    "run-finished": _Ended,
}


def schema_events() -> Schema:
    """Return the JSON Schema of an event: what every event has, and what each has besides."""
    definitions: Schema = {}
    parts = []
    for name in EVENTS:
        model = _OWN.get(name) or _NOTICES.get(name) or RECORDS.get(name)  # type: ignore[call-overload]
        if model is not None:
            condition = {"properties": {"event": {"const": name}}, "required": ["event"]}
            parts.append({"if": condition, "then": _of(model, definitions)})
    properties: Schema = {
        "schema": {"const": "stopgap.event"},
        "version": {"const": VERSION},
        "time": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
            "description": "RFC 3339.",
        },
        "id": _or_null(
            "`RUN/NUMBER` of the record, `/NUMBER` of a notice; who gets an event twice knows it by that."
        ),
        "event": {"type": "string", "enum": [*EVENTS, *OF_COMMANDS]},
        "run": _or_null("Id of the run."),
        "host": _or_null("The host acted on; of a verdict and of a question the target."),
        "step": _or_null("Key of the step: its id, `[n]` in a loop, `@HOST` on several upstreams."),
        "target": _or_null("The host that the step is about."),
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "summary": {"type": "string", "description": "One line in English; text of a host in it is escaped."},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stopgap event",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "allOf": parts,
        "$defs": definitions,
    }


def _of(model: type[BaseModel], definitions: Schema) -> Schema:
    made = model.model_json_schema(mode="serialization")
    definitions |= made.pop("$defs", {})
    hidden = _PLACES if issubclass(model, Record) else frozenset[str]()
    properties = {name: field for name, field in made.get("properties", {}).items() if name not in hidden}
    for field in properties.values():
        field.pop("title", None)
    return {"properties": properties, "required": [name for name in properties if name in model.model_fields]}


def _or_null(about: str) -> Schema:
    return {"anyOf": [{"type": "string"}, {"type": "null"}], "description": about}
