"""Duties to notify: `incident duties --json`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope, rfc3339
from stopgap.orchestrator.journal.incidents import Incident
from stopgap.orchestrator.report.duties import DutyStanding


def duties_document(incident: Incident, standings: Iterable[DutyStanding]) -> dict[str, Any]:
    """Give the duties of an incident, each with its deadline, what is known, and what a person decided."""
    now = datetime.now(UTC)
    return {
        **envelope("duties", now),
        "incident": incident.name,
        "duties": [duty_object(standing, now) for standing in standings],
    }


def duty_object(standing: DutyStanding, now: datetime) -> dict[str, Any]:
    """Give one duty, as it stands at a time."""
    duty, end, word = standing.duty, standing.due, standing.decided
    return {
        **duty.model_dump(mode="json", exclude={"within", "counts_from", "items", "never"}),
        "state": standing.state,
        "counted_from": rfc3339(standing.counted_from),
        "counted_by": standing.counted_by,
        "due": rfc3339(end.at) if end else None,
        "due_day": str(end.day) if end and end.day else None,
        "due_soon": str(end.soon) if end and end.soon else None,
        "late": standing.is_late(now),
        "known": [{"item": item.name.model_dump(), "text": text} for item, text in standing.known],
        "unknown": [item.name.model_dump() for item in standing.unknown],
        "decided": word.model_dump(mode="json", include={"at", "by", "reason", "reference"}) if word else None,
    }
