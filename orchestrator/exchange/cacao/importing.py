"""A CACAO playbook as a runbook: what is believed, what is mapped, what is dropped. Nothing of it runs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stopgap.orchestrator.exchange.cacao import foreign, trusting, visible
from stopgap.orchestrator.exchange.cacao.conditions import all_of, expression
from stopgap.orchestrator.exchange.cacao.graph import check_graph
from stopgap.orchestrator.exchange.cacao.identity import EXTENSION
from stopgap.orchestrator.exchange.cacao.reading import Path_, json_path, refuse
from stopgap.orchestrator.exchange.cacao.signing import matches
from stopgap.orchestrator.exchange.imported import EVIDENCE_TASK, Imported, line, may_destroy
from stopgap.orchestrator.exchange.runbook_text import runbook_yaml
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.text import Text, tr

_KEPT = frozenset((
    "type", "spec_version", "id", "name", "description", "created_by", "created", "modified", "revoked",
    "valid_until", "playbook_types", "playbook_activities", "labels", "playbook_variables", "workflow_start",
    "workflow_exception", "workflow", "playbook_extensions", "agent_definitions", "target_definitions",
    "extension_definitions", "signatures",
))  # fmt: skip
_KEPT_OF_STEP = frozenset((
    "type", "name", "description", "commands", "agent", "targets", "timeout", "condition", "step_extensions",
    "on_completion", "on_success", "on_failure", "on_true", "on_false",
))  # fmt: skip


def imported(playbook: Mapping[str, Any], source: str, hosts: Mapping[str, Host] | None = None) -> Imported:
    """Return the runbook of a playbook.

    Args:
        playbook: as `read_playbook` gives it.
        source: name of the file in problems.
        hosts: of the inventory, which addresses and names of the playbook have to be in.

    Raises:
        InvalidInput: the playbook has what a runbook cannot say, or what nobody should run; each with its JSON path.
    """
    check_graph(playbook, source)
    return _Import(playbook, source, hosts).whole()


@dataclass
class _Import:
    playbook: Mapping[str, Any]
    source: str
    hosts: Mapping[str, Host] | None
    steps: list[tuple[dict[str, Any], Path_]] = field(default_factory=list)
    dropped: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    head: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """Names of the parameters, by the names of variables."""

    def whole(self) -> Imported:
        """Return the runbook."""
        self._head()
        workflow = self.playbook["workflow"]
        start = self.playbook["workflow_start"]
        self.seen.add(start)
        self._branch(workflow[start]["on_completion"], ("workflow", start, "on_completion"), ())
        if not self.steps:
            refuse(self.source, ("workflow",), tr("it has no action that a runbook could do"))
        self._left_over()
        self._warn()
        entries = [entry for entry, _ in self.steps]
        text = runbook_yaml({**self.head, "steps": entries})
        return Imported(text, len(entries), tuple(dict.fromkeys(self.dropped)), tuple(dict.fromkeys(self.warnings)))

    def _head(self) -> None:
        believed = trusting.header(self.playbook)
        if believed is not None:
            self.head = believed
            self.variables = {visible.variable(name): name for name in believed.get("params") or {}}
            return
        if EXTENSION in self.playbook.get("playbook_extensions", {}):
            self._drop(("playbook_extensions", EXTENSION), _NOT_BELIEVED)
        self.head = {"name": line(self.playbook["name"], "Imported playbook")}
        if isinstance(self.playbook.get("description"), str):
            self.head["description"] = self.playbook["description"]
        params: dict[str, Any] = {}
        compared = " ".join(str(step.get("condition", "")) for step in self.playbook["workflow"].values())
        for name, variable in self.playbook.get("playbook_variables", {}).items():
            if variable.get("external") is True and f"{name}:value" in compared:
                self.variables[name] = trusting.add_param(params, name, variable)
            elif name != visible.TARGET:
                self._drop(("playbook_variables", name))
        if params:
            self.head["params"] = params

    def _branch(self, first: str, path: Path_, conditions: tuple[str, ...]) -> None:
        """Follow one way to its end."""
        here: str | None = first
        question: tuple[Mapping[str, Any], Path_] | None = None
        while here is not None:
            step = self.playbook["workflow"][here]
            if step["type"] == "end":
                break
            if here in self.seen:
                refuse(self.source, path, tr("it leads to a step that another way has led to"))
            self.seen.add(here)
            own: Path_ = ("workflow", here)
            self._drop_rest(step, own)
            if step["type"] == "if-condition":
                self._question(question, conditions)
                question = None
                self._fork(step, own, conditions)
            elif step["type"] == "start":
                refuse(self.source, path, tr("it leads to a start"))
            elif trusting.part(step) == "confirm" and question is None:
                question = step, own
            else:
                self._action(step, own, conditions, question)
                question = None
            way = "on_completion" if "on_completion" in step else "on_success"
            here, path = step.get(way), (*own, way)
        self._question(question, conditions)

    def _fork(self, step: Mapping[str, Any], own: Path_, conditions: tuple[str, ...]) -> None:
        declared = self.head.get("params") or {}
        holds = expression(step["condition"], self.variables, declared, (*own, "condition"), self.source)
        self._branch(step["on_true"], (*own, "on_true"), (*conditions, holds))
        if "on_false" in step:
            self._branch(step["on_false"], (*own, "on_false"), (*conditions, f"not ({holds})"))
        if "on_failure" in step and not self._is_end(step["on_failure"]):
            refuse(self.source, (*own, "on_failure"), _ON_FAILURE)

    def _action(
        self,
        step: Mapping[str, Any],
        own: Path_,
        conditions: tuple[str, ...],
        question: tuple[Mapping[str, Any], Path_] | None,
    ) -> None:
        on_failure = self._on_failure(step, own)
        believed = trusting.entry(step, self.playbook)
        if believed is not None:
            if trusting.asks(believed, question[0] if question else None):
                question = None
            self._question(question, conditions)
            self._add({**believed, **_failure(on_failure, believed)}, own, conditions)
            return
        if EXTENSION in step.get("step_extensions", {}):
            self._drop((*own, "step_extensions", EXTENSION), _NOT_BELIEVED)
        self._question(question, conditions)
        for entry in foreign.entries(step, own, self.playbook, self.hosts, self.source):
            self._add({**entry, **_failure(on_failure, {})}, own, conditions)

    def _question(self, question: tuple[Mapping[str, Any], Path_] | None, conditions: tuple[str, ...]) -> None:
        """Add a question that no step of Stopgap's own claims, as a step of its own."""
        if question is None:
            return
        step, own = question
        self._on_failure(step, own)
        for entry in foreign.entries(step, own, self.playbook, self.hosts, self.source):
            self._add(entry, own, conditions)

    def _on_failure(self, step: Mapping[str, Any], own: Path_) -> str:
        if "on_completion" in step:
            return "continue"
        failure = step.get("on_failure")
        if failure is None:
            return "stop"
        if failure == step["on_success"]:
            return "continue"
        if self._is_end(failure):
            return "stop"
        undo = self.playbook["workflow"][failure]
        if not trusting.is_undo(undo) or not self._is_end(undo.get("on_completion")):
            refuse(self.source, (*own, "on_failure"), _ON_FAILURE)
        self.seen.add(failure)
        return "undo"

    def _is_end(self, step_id: object) -> bool:
        workflow = self.playbook["workflow"]
        return isinstance(step_id, str) and step_id in workflow and workflow[step_id]["type"] == "end"

    def _add(self, entry: dict[str, Any], own: Path_, conditions: tuple[str, ...]) -> None:
        when = all_of(conditions, entry.get("when"))
        if when is not None:
            entry = {**entry, "when": when}
        evidence = any(before["task"] == EVIDENCE_TASK for before, _ in self.steps)
        if not evidence and may_destroy(entry):
            self.warnings.append(tr("{path}: it may destroy evidence before any is kept", path=json_path(own)))
        self.steps.append((entry, own))

    def _drop(self, path: Path_, why: Text | None = None) -> None:
        why = why or tr("has no counterpart in a runbook")
        self.dropped.append(tr("{path}: {why}", path=json_path(path), why=why))

    def _drop_rest(self, step: Mapping[str, Any], own: Path_) -> None:
        for key in step.keys() - _KEPT_OF_STEP:
            self._drop((*own, key))
        for extension in step.get("step_extensions", {}):
            if extension != EXTENSION:
                self._drop((*own, "step_extensions", extension))
        for index, command in enumerate(step.get("commands", ())):
            for key in command.keys() - {"type", "command", "command_b64", "playbook_activity"}:
                self._drop((*own, "commands", index, key))

    def _left_over(self) -> None:
        for key in self.playbook.keys() - _KEPT:
            self._drop((key,))
        for extension in self.playbook.get("playbook_extensions", {}):
            if extension != EXTENSION:
                self._drop(("playbook_extensions", extension))
        workflow = self.playbook["workflow"]
        for step_id in workflow.keys() - self.seen:
            if workflow[step_id]["type"] != "end":
                self._drop(("workflow", step_id), tr("no way leads to it"))
        exception = self.playbook.get("workflow_exception")
        if exception is not None and not self._is_end(exception):
            self._drop(("workflow_exception",))
        self.dropped.sort()

    def _warn(self) -> None:
        if self.playbook.get("revoked") is True:
            self.warnings.append(tr("its author has revoked this playbook"))
        until = self.playbook.get("valid_until")
        if isinstance(until, str) and until < datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"):
            self.warnings.append(tr("it was valid until {until}", until=until))
        signatures = self.playbook.get("signatures")
        if not signatures:
            self.warnings.append(tr("it is not signed"))
        for index, signature in enumerate(signatures if isinstance(signatures, list) else ()):
            holds = matches(self.playbook, signature) if isinstance(signature, dict) else None
            if holds is False:
                refuse(self.source, ("signatures", index), tr("the signature is not of this playbook"))
            path = json_path(("signatures", index))
            if holds:
                self.warnings.append(
                    tr("{path}: signed by the key in the file; whose key it is, the file cannot say", path=path)
                )
            else:
                self.warnings.append(tr("{path}: the signature was not verified", path=path))


_NOT_BELIEVED = tr("it says something else than the commands, and is not believed")
_ON_FAILURE = tr("a runbook has no branch for failures: stop, continue or undo")


def _failure(way: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the key `on_failure`, unless it says what the entry says anyway."""
    return {} if way == entry.get("on_failure", "stop") else {"on_failure": way}
