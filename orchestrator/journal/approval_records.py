"""The records of people's acts: who was permitted what, and which plan another person has approved."""

from __future__ import annotations

from typing import Literal

from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.journal.record import Record


class Authorized(Record):
    """An act that the roles permitted to a person, with the person's signature; an approval is such an act."""

    kind: Literal["authorized"] = "authorized"
    person: str
    action: Literal["answer", "run", "resume", "approve", "undo", "emergency"]
    act: str
    """The text that was signed (`stopgap.orchestrator.roles.acts.Act`)."""
    signature: str = ""
    """In the armoured format of ssh-keygen(1); empty for an act on the page."""
    key: str = ""
    """The public key."""
    roles: str
    """SHA-256 of the roles.yaml that permitted the act."""


class ApprovalAsked(Record):
    """A run that takes more than one person: it waits, unless an emergency let it go first."""

    kind: Literal["approval-asked"] = "approval-asked"
    person: str
    """Who began the run."""
    plan: str
    """Digest of the plan."""
    order: str
    """Digest of runbook, inventory, targets and parameters."""
    steps: str
    """What the plan's digest is made of: JSON of every step with its changes."""
    people: int
    """How many people it takes, the one who began the run included."""
    emergency: EscapedLine = ""
    """Why the run goes first and is approved after; empty: it waits."""


class ApprovalsUsed(Record):
    """Approvals of a plan in a file that a run was begun with: no other run is begun with the same."""

    kind: Literal["approvals-used"] = "approvals-used"
    run: str
    nonces: tuple[str, ...]
