"""What CACAO 2.0 says of a playbook, as strict models and a check of the graph; made from the specification.

Readers' JSON Schemas let most mistakes pass: unknown keys, commands without a payload, steps that lead nowhere.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from tests.unit import cacao_schemas

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
Id = Annotated[str, StringConstraints(pattern=rf"^[a-z][a-z0-9-]+[a-z0-9]--{UUID}$")]
Time = Annotated[
    str,
    StringConstraints(
        pattern=r"^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)\.\d{3}Z$"
    ),
]
VariableName = Annotated[str, StringConstraints(pattern=r"^__[a-zA-Z][a-zA-Z0-9_-]{0,199}__$")]
Activity = Literal[
    "execute-operation", "step-sequence", "eliminate-risk", "disconnect-system", "restore-capabilities"
]
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Variable(Strict):
    type: Literal["bool", "dictionary", "float", "integer", "ipv4-addr", "ipv6-addr", "string", "uri"]
    description: str | None = None
    value: str | None = None
    constant: bool = False
    external: bool = False


class Command(Strict):
    type: Literal["manual", "ssh", "bash"]
    playbook_activity: Activity
    description: str | None = None
    command: Annotated[str, Field(min_length=1)] | None = None
    command_b64: Base64 | None = None

    @model_validator(mode="after")
    def _one_payload(self) -> Command:
        assert (self.command is None) != (self.command_b64 is None), "command or command_b64"
        return self


class Step(Strict):
    name: str
    description: str | None = None
    timeout: Annotated[int, Field(ge=1)] | None = None
    on_completion: Id | None = None
    on_success: Id | None = None
    on_failure: Id | None = None
    step_extensions: Annotated[dict[Id, dict[str, Any]], Field(min_length=1)] | None = None


class Start(Step):
    type: Literal["start"]

    @model_validator(mode="after")
    def _goes_on(self) -> Start:
        assert self.on_completion and not self.on_success and not self.on_failure
        return self


class End(Step):
    type: Literal["end"]

    @model_validator(mode="after")
    def _ends(self) -> End:
        assert not (self.on_completion or self.on_success or self.on_failure)
        return self


class Action(Step):
    type: Literal["action"]
    commands: Annotated[list[Command], Field(min_length=1)]
    agent: Id
    targets: Annotated[list[Id], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_way_on(self) -> Action:
        assert (self.on_completion is None) != (self.on_success is None), "on_completion or on_success"
        assert self.on_completion is None or self.on_failure is None
        return self


OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
V4 = Annotated[str, StringConstraints(pattern=rf"^({OCTET}\.){{3}}{OCTET}$")]
V6 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f:]+$")]


class Addresses(Strict):
    ipv4: Annotated[list[V4], Field(min_length=1)] | None = None
    ipv6: Annotated[list[V6], Field(min_length=1)] | None = None
    dname: Annotated[list[str], Field(min_length=1)] | None = None


class AgentTarget(Strict):
    type: Literal["individual", "security-category", "ssh", "soarca"]
    name: str
    category: Annotated[list[Literal["orchestrator"]], Field(min_length=1)] | None = None
    address: Addresses | None = None

    @model_validator(mode="after")
    def _of_its_type(self) -> AgentTarget:
        assert (self.category is not None) == (self.type == "security-category")
        assert (self.address is not None) == (self.type == "ssh")
        return self


class ExtensionDefinition(Strict):
    type: Literal["extension-definition"]
    name: str
    description: str | None = None
    created_by: Id
    schema_: str = Field(alias="schema")
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]


class Signature(Strict):
    type: Literal["jss"]
    id: Id
    created_by: Id
    created: Time
    modified: Time
    signee: str
    related_to: Id
    related_version: Time
    hash_algorithm: Literal["sha-256"]
    algorithm: Literal["Ed25519", "RS256", "ES256"]
    public_key: Base64
    value: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]


class Playbook(Strict):
    type: Literal["playbook"]
    spec_version: Literal["cacao-2.0"]
    id: Id
    name: str
    description: str
    playbook_types: list[Literal["mitigation", "remediation"]]
    playbook_activities: Annotated[list[Activity], Field(min_length=1)]
    created_by: Annotated[str, StringConstraints(pattern=rf"^identity--{UUID}$")]
    created: Time
    modified: Time
    labels: Annotated[list[str], Field(min_length=1)]
    playbook_variables: dict[VariableName, Variable] = Field(default_factory=dict)
    workflow_start: Id
    workflow: dict[Id, Annotated[Start | End | Action, Field(discriminator="type")]]
    playbook_extensions: Annotated[dict[Id, dict[str, Any]], Field(min_length=1)]
    agent_definitions: Annotated[dict[Id, AgentTarget], Field(min_length=1)]
    target_definitions: Annotated[dict[Id, AgentTarget], Field(min_length=1)] | None = None
    extension_definitions: dict[Id, ExtensionDefinition]
    signatures: Annotated[list[Signature], Field(min_length=1)] | None = None


PLAYBOOK: TypeAdapter[Playbook] = TypeAdapter(Playbook)


def graph_faults(playbook: dict[str, Any]) -> list[str]:
    """Give what the shape alone does not show: references, ways, activities, variables."""
    faults = []
    steps = playbook["workflow"]
    if not {"start", "action", "end"} <= {step["type"] for step in steps.values()}:
        faults.append("no start, action or end")
    if steps.get(playbook["workflow_start"], {}).get("type") != "start":
        faults.append("workflow_start")
    definitions = {**playbook.get("agent_definitions", {}), **playbook.get("target_definitions", {})}
    for step_id, about in {**steps, **definitions}.items():
        if step_id.partition("--")[0] != about["type"]:
            faults.append(f"{step_id} is of type {about['type']}")
    reached, waiting, path = set(), [playbook["workflow_start"]], {}
    while waiting:
        here = waiting.pop()
        if here in reached:
            continue
        reached.add(here)
        path[here] = [steps[here][way] for way in ("on_completion", "on_success", "on_failure") if way in steps[here]]
        for there in path[here]:
            if there in steps:
                waiting.append(there)
            else:
                faults.append(f"{here} leads to {there}")
    faults += [f"{step_id} is never reached" for step_id in steps if step_id not in reached]
    if _has_loop(playbook["workflow_start"], path):
        faults.append("a loop")
    used_agents = {step["agent"] for step in steps.values() if "agent" in step}
    used_targets = {target for step in steps.values() for target in step.get("targets", ())}
    if used_agents != set(playbook.get("agent_definitions", {})):
        faults.append("agents")
    if used_targets != set(playbook.get("target_definitions", {})):
        faults.append("targets")
    extensions = set(playbook["playbook_extensions"])
    extensions |= {each for step in steps.values() for each in step.get("step_extensions", {})}
    if extensions != set(playbook["extension_definitions"]):
        faults.append("extensions")
    activities = {c["playbook_activity"] for step in steps.values() for c in step.get("commands", ())}
    if activities != set(playbook["playbook_activities"]):
        faults.append("activities")
    addressed = re.findall(r"(__[a-zA-Z][a-zA-Z0-9_-]*__):value", str(playbook.get("target_definitions", {})))
    faults += [f"{name} is not declared" for name in addressed if name not in playbook.get("playbook_variables", {})]
    uuids = [each.partition("--")[2] for each in (*steps, *definitions)]
    if len(set(uuids)) != len(uuids):
        faults.append("one UUID for two objects")
    return faults


def _has_loop(start: str, ways: dict[str, list[str]]) -> bool:
    open_, closed, stack = set(), set(), [(start, False)]
    while stack:
        here, done = stack.pop()
        if done:
            open_.discard(here)
            closed.add(here)
        elif here in open_:
            return True
        elif here not in closed:
            open_.add(here)
            stack.append((here, True))
            stack += [(there, False) for there in ways.get(here, ())]
    return False


def assert_valid(playbook: dict[str, Any]) -> None:
    """Hold a playbook against the models and the graph, and against OASIS's schemas where they are."""
    PLAYBOOK.validate_python(playbook)
    assert graph_faults(playbook) == []
    assert cacao_schemas.faults(playbook) == []
