"""Earlier runs, from journal and evidence, as facts for the plan of a step. Every text is escaped, by its type."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.decision import DecisionWord
from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.severity import Severity

THIS = "this"
"""Name of the current run, for tasks with run ids as parameters."""


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class PastChange(_Part):
    """A change still to be undone, in order of the undo."""

    step: EscapedLine
    host: EscapedLine
    undo: EscapedLine


class PastCollection(_Part):
    """Evidence kept of the target."""

    step: EscapedLine
    profile: EscapedLine
    items: int


class PastFinding(_Part):
    """A finding in the evidence of the target."""

    step: EscapedLine
    profile: EscapedLine = ""
    severity: Severity
    id: EscapedLine
    title: EscapedLine
    count: int
    first: EscapedLine
    """The first match, with its location."""


class PastCredential(_Part):
    """A credential known to any account with root on the target."""

    kind: Literal["host-key", "login", "stored", "found"]
    text: EscapedLine
    """Address, login, or a description with the location."""


class PastDecision(_Part):
    """A person's decision on a finding of the target."""

    id: EscapedLine
    word: DecisionWord
    reason: EscapedLine = ""


class PastRun(_Part):
    """One run, as far as one target is concerned."""

    run: EscapedLine
    begun: bool = True
    """False for a current run not yet begun."""
    going_on: bool = False
    """The run is the current run: missing parts may still come."""
    runbook: EscapedLine = ""
    steps: tuple[EscapedLine, ...] = ()
    """Ids of the steps run for the target."""
    changes: tuple[PastChange, ...] = ()
    collections: tuple[PastCollection, ...] = ()
    damage: tuple[EscapedLine, ...] = ()
    """The reasons to distrust the records."""
    problems: tuple[EscapedLine, ...] = ()
    """Problems found by a verification of the run's journal and evidence."""
    findings: tuple[PastFinding, ...] = ()
    """The worst first."""
    credentials: tuple[PastCredential, ...] = ()
    decisions: tuple[PastDecision, ...] = ()
    """Of several decisions on one finding, the last."""
    deadlines: tuple[tuple[EscapedLine, datetime], ...] = ()
    """Notes with a deadline, as long as the noted change is in force."""
