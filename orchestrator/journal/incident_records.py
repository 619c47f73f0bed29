"""The records of an incident's own chain: its details, notes, actions, and duties to notify."""

from __future__ import annotations

from typing import Literal

from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.journal.record import Record


class IncidentOpened(Record):
    """The start of an incident, with a chain of its own."""

    kind: Literal["incident-opened"] = "incident-opened"
    name: str
    by: str


class IncidentDescribed(Record):
    """Details of an incident, given by a person; later details replace earlier ones, field by field."""

    kind: Literal["incident-described"] = "incident-described"
    details: IncidentDetails
    by: str


class Noted(Record):
    """A person's note on an incident."""

    kind: Literal["noted"] = "noted"
    text: str
    by: str
    went_well: bool = False
    """The note says what went well."""


class ActionAdded(Record):
    """Something to be done, or to be decided, by one person until one day."""

    kind: Literal["action-added"] = "action-added"
    number: int
    """From 1, in the order of the incident's actions."""
    text: str
    owner: str
    due: str
    """A day, ISO 8601."""
    decision: bool = False
    """Somebody has to decide; else to do."""
    by: str


class ActionDone(Record):
    """An action is done, or its decision is taken."""

    kind: Literal["action-done"] = "action-done"
    number: int
    result: str = ""
    by: str


class DutyDecided(Record):
    """What a person decided or did about a duty to notify; the latest word on a duty counts."""

    kind: Literal["duty-decided"] = "duty-decided"
    duty: str
    """The duty's id."""
    state: Literal["owed", "not-owed", "sent"]
    at: str
    """Of a notice sent: when it was sent; else of the decision. ISO 8601 with offset."""
    reference: str = ""
    """The addressee's number of the notice."""
    reason: str = ""
    by: str


class IncidentClosed(Record):
    """The end of an incident."""

    kind: Literal["incident-closed"] = "incident-closed"
    by: str
