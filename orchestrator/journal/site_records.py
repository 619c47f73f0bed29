"""The records of runs at sites: who carries a run on, and that a run is to be taken back there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.journal.record import Record


class RunQueued(Record):
    """A run that a runner at a site carries on."""

    kind: Literal["run-queued"] = "run-queued"
    site: str
    parts: dict[str, str] = Field(default_factory=dict)
    """Site → run, of every run that was ordered with this one, this one included; empty for a run on its own."""


class RunPaused(Record):
    """Nothing but questions is open: the run's process has let go of everything, and an answer has it carried on."""

    kind: Literal["run-paused"] = "run-paused"


class UndoOrdered(Record):
    """The undo of a run that a runner at the run's site is to carry out."""

    kind: Literal["undo-ordered"] = "undo-ordered"
    by: str
    step: str | None = None
    """The id of one step; None: all steps."""
    force: bool = False
    """Also what somebody has changed since."""


class UndoEnded(Record):
    """The end of an undo that a runner has carried out."""

    kind: Literal["undo-ended"] = "undo-ended"
    exit_code: int
    refusal: EscapedLine = ""
    """Why nothing was tried."""
