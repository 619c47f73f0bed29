"""Earlier runs, from journal and evidence, as facts for the plan of a step. Every text is escaped."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.severity import Severity

THIS = "this"
"""Name of the current run, for tasks with run ids as parameters."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PastChange(_Part):
    """A change still to be undone, in order of the undo."""

    step: str
    host: str
    undo: str


class PastCollection(_Part):
    """Evidence kept of the target."""

    step: str
    profile: str
    items: int


class PastFinding(_Part):
    """A finding in the evidence of the target."""

    step: str
    severity: Severity
    id: str
    title: str
    count: int
    first: str
    """The first match, with its location."""


class PastCredential(_Part):
    """A credential known to any account with root on the target."""

    kind: Literal["host-key", "login", "stored", "found"]
    text: str
    """Address, login, or a description with the location."""


class PastAnswer(_Part):
    """An answer given by a person."""

    question: str
    answer: str


class PastRun(_Part):
    """One run, as far as one target is concerned."""

    run: str
    begun: bool = True
    """False for a current run not yet begun."""
    going_on: bool = False
    """The run is the current run: missing parts may still come."""
    runbook: str = ""
    steps: tuple[str, ...] = ()
    """Ids of the steps run for the target."""
    changes: tuple[PastChange, ...] = ()
    collections: tuple[PastCollection, ...] = ()
    damage: tuple[str, ...] = ()
    """The reasons to distrust the records."""
    problems: tuple[str, ...] = ()
    """Problems found by a verification of the run's journal and evidence."""
    findings: tuple[PastFinding, ...] = ()
    """The worst first."""
    credentials: tuple[PastCredential, ...] = ()
    answers: tuple[PastAnswer, ...] = ()
    deadlines: tuple[tuple[str, datetime], ...] = ()
    """Notes with a deadline, as long as the noted change is in force."""
