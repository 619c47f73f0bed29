"""A plan: the full effect of each step, before any change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from stopgap.orchestrator.change import AnyChange
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.runbook import Step
from stopgap.orchestrator.secret import redact_tree
from stopgap.orchestrator.task import Collection, Gap, Note, UndoRequest
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class PlannedStep:
    """One planned step on one target."""

    key: str
    """The step's id; with `[n]` for the n-th item of a `foreach`, from 0, and `@HOST` on one of several upstreams."""
    number: int
    """Position in the runbook, from 1."""
    step: Step
    target: Host
    on: Host | None
    """The host of the step; `None` for a step skipped before the choice of a host."""
    outcome: PlannedOutcome
    reason: str = ""
    name: str = ""
    count: int = 0
    """Number of steps in the runbook."""
    scene: Scene | None = None
    changes: tuple[AnyChange, ...] = ()
    messages: tuple[Message, ...] = ()
    """Messages still to be sent."""
    collections: tuple[Collection, ...] = ()
    undo_requests: tuple[UndoRequest, ...] = ()
    on_past: bool = False
    """The step depends on the journal, and is planned again in its turn."""
    when_its_turn_comes: bool = False
    """Left open: at planning the host, or the host of an earlier step that decides about this step, had not answered,
    and nobody waited. The step is planned in its turn."""
    questions: tuple[Question, ...] = ()
    answer_to: Question | None = None
    """The question behind the answer in later steps."""
    notes: tuple[Note, ...] = ()
    gaps: tuple[Gap, ...] = ()
    checks: tuple[Check, ...] = ()
    services_out: tuple[str, ...] = ()
    """Services that nobody outside reaches while the changes are in force."""
    keeps: bool = False
    """The step stays in force on its host after a failure on another upstream."""

    @property
    def one_of_several(self) -> bool:
        """True if the step acts on other upstreams of the target too."""
        return "@" in self.key

    @property
    def lasts(self) -> float | None:
        """Seconds until the first change of the step expires by itself; `None` without an expiry."""
        return min((c.lasts for c in self.changes if c.lasts is not None), default=None)

    @property
    def place(self) -> Host:
        """The host of the step; ValueError for a step without a host."""
        if self.on is None:
            raise ValueError(tr("{key} acts nowhere", key=self.key))
        return self.on

    def vantages(self, check: Check) -> tuple[Host, ...]:
        """Return the vantage hosts of the step's checks."""
        return self.scene.seen_from(check.vantage) if self.scene else ()

    def as_skipped(self, reason: str) -> PlannedStep:
        """Return the same step without changes, as skipped."""
        nothing: tuple[()] = ()
        emptied = replace(
            self,
            changes=nothing,
            messages=nothing,
            collections=nothing,
            undo_requests=nothing,
            questions=nothing,
            notes=nothing,
        )
        return replace(emptied, checks=nothing, gaps=nothing, outcome=PlannedOutcome.SKIPPED, reason=reason)

    def ordered(self) -> tuple[AnyChange, ...]:
        """Return the changes in order of execution: by phase, in the task's order within a phase."""
        return tuple(sorted(self.changes, key=lambda c: c.phase))


@dataclass(frozen=True)
class Plan:
    """Every step on every target, in order; target by target."""

    steps: tuple[PlannedStep, ...] = field(default=())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the planned changes: the same hosts in the same state give the same digest.

        The digest covers steps, hosts, changes with their undo, collections and questions; notes and times are
        excluded.
        """
        return hashlib.sha256(self.essence).hexdigest()

    @cached_property
    def essence(self) -> bytes:
        """What the digest is made of, as JSON: whoever approves the digest can look at it. Secrets are redacted."""
        return canonical(redact_tree([_essence(step) for step in self.steps]))

    def completed(self, late: Iterable[PlannedStep]) -> Plan:
        """Return the plan with the steps planned in their turn, in place of the same steps left open."""
        found = {(step.key, step.target.name): step for step in late}
        return Plan(
            tuple(
                found.get((step.key, step.target.name), step) if step.when_its_turn_comes else step
                for step in self.steps
            )
        )

    @property
    def changes(self) -> int:
        """Number of planned changes."""
        return sum(len(step.changes) for step in self.steps) + self.undone

    @property
    def undone(self) -> int:
        """Number of changes of this run or earlier runs to be undone, as far as known."""
        return sum(len(undo_request.undo) for step in self.steps for undo_request in step.undo_requests)

    @property
    def messages(self) -> int:
        """Number of messages to be sent."""
        return sum(len(step.messages) for step in self.steps)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names of the hosts to be changed."""
        made = [step.on.name for step in self.steps if step.changes and step.on]
        lifted = [
            change.host for step in self.steps for undo_request in step.undo_requests for change in undo_request.undo
        ]
        return tuple(dict.fromkeys([*made, *lifted]))

    @property
    def vantages(self) -> tuple[Host, ...]:
        """The vantage hosts of the plan's checks."""
        vantages = {
            vantage.name: vantage for step in self.steps for check in step.checks for vantage in step.vantages(check)
        }
        return tuple(vantages.values())

    @property
    def refusals(self) -> tuple[PlannedStep, ...]:
        """Steps refused by a guard."""
        return tuple(step for step in self.steps if step.outcome == PlannedOutcome.REFUSED)


def canonical(value: Any) -> bytes:  # noqa: ANN401
    """Return JSON with sorted keys and no spaces: equal values give equal bytes.

    >>> canonical({"b": 1, "a": 2})
    b'{"a":2,"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogateescape"
    )


def _essence(step: PlannedStep) -> dict[str, Any]:
    return {
        "step": step.key,
        "target": step.target.name,
        "on": step.on.name if step.on else None,
        **_driver_essence(step),
        "outcome": step.outcome,
        "changes": [_change_essence(change) for change in step.ordered()],
        "collect": [a.model_dump(mode="json") for c in step.collections for a in c.artifacts],
        "lift": [undo_request.model_dump(mode="json") for undo_request in step.undo_requests],
        "ask": [q.model_dump(mode="json") for q in step.questions],
        "send": [{"key": m.key, "to": m.to, "preview": m.preview()} for m in step.messages],
    }


def _driver_essence(step: PlannedStep) -> dict[str, Any]:
    """Return the driver found out on the router; empty where the inventory names the driver."""
    found = step.scene.found if step.scene else None
    return {"driver": found.driver} if found and found.driver else {}


def _change_essence(change: AnyChange) -> dict[str, Any]:
    dump = change.model_dump(mode="json")
    for state in ("before", "after"):
        if state in dump:
            dump[state].pop("modified", None)
    return dump
