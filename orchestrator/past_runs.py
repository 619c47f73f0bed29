"""Earlier runs, from journal and evidence, as facts for the plan of a step. Every text is escaped."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.severity import Severity

THIS = "this"
"""Names the run that asks, where a task takes the ids of runs."""


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
    """What was seen first, and where."""


class PastCredential(_Part):
    """A credential known to any account with root on the target."""

    kind: Literal["host-key", "login", "stored", "found"]
    text: str
    """Address, login, or what was found where."""


class PastAnswer(_Part):
    """An answer given by a person."""

    question: str
    answer: str


class PastRun(_Part):
    """One run, as far as one target is concerned."""

    run: str
    begun: bool = True
    """False of a run that asks for itself before it has begun."""
    going_on: bool = False
    """It is the run that asks: what it has not had may yet come."""
    runbook: str = ""
    steps: tuple[str, ...] = ()
    """Ids of those that were run for the target."""
    changes: tuple[PastChange, ...] = ()
    collections: tuple[PastCollection, ...] = ()
    damage: tuple[str, ...] = ()
    """Why nothing is to be done on the word of its records."""
    problems: tuple[str, ...] = ()
    """What a verification of the run's journal and evidence complains of."""
    findings: tuple[PastFinding, ...] = ()
    """The worst first."""
    credentials: tuple[PastCredential, ...] = ()
    answers: tuple[PastAnswer, ...] = ()
    deadlines: tuple[tuple[str, datetime], ...] = ()
    """Notes that name a moment, with it, as long as what they are about is in force."""
