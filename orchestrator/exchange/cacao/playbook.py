"""A runbook as a CACAO playbook: portable, for readers that do not know the hosts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stopgap.orchestrator.duration import parse_duration
from stopgap.orchestrator.exchange.cacao import visible
from stopgap.orchestrator.exchange.cacao.identity import EXTENSION, STOPGAP, identifier, written_at
from stopgap.orchestrator.exchange.jcs import canonical
from stopgap.orchestrator.runbook import Runbook

HEADER_FIELD = "stopgap_runbook"
STEP_FIELD = "stopgap_step"
PART_FIELD = "stopgap_part"
TYPES = ("mitigation", "remediation")
STOPGAP_VERSION = "1.0.0"
"""Version of the extension."""
PERSON, MACHINE = "individual", "security-category"


@dataclass
class Workflow:
    """A playbook under construction: steps in order, with the ids of the next ones.

    `key` is what all ids are made of; the same key and the same parts give the same ids.
    """

    key: str
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def id(self, kind: str, *parts: str) -> str:
        """Return the identifier of a part of this playbook."""
        return identifier(kind, self.key, *parts)

    def end(self, what: str) -> str:
        """Add an end step; return its id."""
        step_id = self.id("end", what)
        self.steps[step_id] = {"type": "end", "name": f"End: {what}"}
        return step_id

    def start(self, first: str) -> str:
        """Add the start step; return its id."""
        step_id = self.id("start")
        self.steps = {step_id: {"type": "start", "name": "Start", "on_completion": first}} | self.steps
        return step_id

    def person(self) -> str:
        """Return the id of the agent for manual commands."""
        return self._agent(PERSON, {"type": PERSON, "name": "Operator"})

    def machine(self) -> str:
        """Return the id of the agent for commands over SSH."""
        about = {"type": MACHINE, "name": "Orchestrator", "category": ["orchestrator"]}
        return self._agent(MACHINE, about)

    def _agent(self, kind: str, about: dict[str, Any]) -> str:
        agent_id = self.id(kind, "agent")
        self.agents[agent_id] = about
        return agent_id

    def target(self, name: str, address: Mapping[str, list[str]]) -> str:
        """Return the id of an SSH target; added at the first request."""
        target_id = self.id("ssh", "target", name)
        self.targets[target_id] = {"type": "ssh", "name": name, "address": dict(address)}
        return target_id


def portable(runbook: Runbook) -> dict[str, Any]:
    """Return the playbook of a runbook; the same runbook gives the same playbook."""
    data = runbook.document.data
    flow = Workflow(hashlib.sha256(canonical(data)).hexdigest())
    done, failed = flow.end("done"), flow.id("end", "failed")
    undoing = flow.id("action", "undo")
    entries = data["steps"]
    ids = [flow.id("action", str(place)) for place in range(len(entries))]
    questions = [
        flow.id("action", str(place), "question") if visible.question(entry) else ""
        for place, entry in enumerate(entries)
    ]
    firsts = [asked or step_id for asked, step_id in zip(questions, ids, strict=True)]
    nexts = [*firsts[1:], done]
    branches: set[str] = set()
    for place, entry in enumerate(entries):
        following = nexts[place]
        on_failure = {"continue": following, "undo": undoing}.get(entry.get("on_failure"), failed)
        branches.add(on_failure)
        if questions[place]:
            branches.add(failed)
            flow.steps[questions[place]] = {
                "type": "action",
                **(visible.question(entry) or {}),
                "agent": flow.person(),
                **_ways(ids[place], failed),
                "step_extensions": {EXTENSION: {PART_FIELD: "confirm"}},
            }
        flow.steps[ids[place]] = _action(flow, entry) | _ways(following, on_failure) | _extension(entry)
    if undoing in branches:
        flow.steps[undoing] = {
            "type": "action",
            "name": "Undo",
            "commands": [visible.manual(UNDO)],
            "agent": flow.person(),
            "on_completion": failed,
            "step_extensions": {EXTENSION: {PART_FIELD: "undo"}},
        }
    if {failed, undoing} & branches:
        flow.end("failed")
    extension = {EXTENSION: {HEADER_FIELD: visible.header(data)}}
    return assembled(flow, flow.start(firsts[0]), visible.head(data), {"playbook_extensions": extension})


UNDO = "Let Stopgap take back what the run has changed for this host: stopgap undo RUN"


def _action(flow: Workflow, entry: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "action", **visible.action(entry), **_timeout(entry)}
    if not visible.is_ssh(entry):
        return made | {"agent": flow.person()}
    vantage = str(entry.get("on") or "target")
    address = [f"{visible.TARGET}:value"] if vantage == "target" else [vantage]
    return made | {"agent": flow.machine(), "targets": [flow.target(vantage, {"dname": address})]}


def _timeout(entry: Mapping[str, Any]) -> dict[str, int]:
    """Return the timeout of a step in milliseconds, at least one."""
    if entry.get("timeout") is None:
        return {}
    return {"timeout": max(1, int(parse_duration(str(entry["timeout"])).total_seconds() * 1000))}


def _ways(success: str, failure: str) -> dict[str, str]:
    if success == failure:
        return {"on_completion": success}
    return {"on_success": success, "on_failure": failure}


def _extension(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"step_extensions": {EXTENSION: {STEP_FIELD: dict(entry)}}}


def assembled(flow: Workflow, start: str, head: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole playbook, keys in the order of the specification."""
    at = written_at()
    made: dict[str, Any] = {
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": flow.id("playbook"),
        "name": head["name"],
        "description": head["description"],
        "playbook_types": list(TYPES),
        "playbook_activities": [visible.ACTIVITY],
        "created_by": STOPGAP,
        "created": at,
        "modified": at,
        "labels": ["stopgap"],
        "playbook_variables": head["playbook_variables"],
        "workflow_start": start,
        "workflow": flow.steps,
        **more,
        "agent_definitions": flow.agents,
        "target_definitions": flow.targets,
        "extension_definitions": {
            EXTENSION: {
                "type": "extension-definition",
                "name": "Stopgap runbook",
                "description": "What of a runbook or a plan of Stopgap has no field of its own in CACAO. "
                "Commands and descriptions say all of it too; a reader may leave it out.",
                "created_by": STOPGAP,
                "schema": "stopgap_runbook: the head of the runbook. stopgap_step: the step as written. "
                "stopgap_part: confirm or undo. stopgap_plan: digest and targets of a plan. stopgap_change: "
                "one change, with its undo. `stopgap schema runbook` prints the JSON Schema of runbooks.",
                "version": STOPGAP_VERSION,
            }
        },
    }
    return {key: value for key, value in made.items() if value not in ({}, [])}
