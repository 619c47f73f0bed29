"""Incidents: `incident … --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope, rfc3339
from stopgap.orchestrator.documents.run import run_object
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incidents import Incident, Told


def incident_document(incident: Incident, histories: Iterable[History]) -> dict[str, Any]:
    """Give an incident: who opened and closed it, its notes, its runs and how much each has in force."""
    return {
        **envelope("incident"),
        "incident": incident.name,
        "state": "closed" if incident.closed else "open",
        "opened": _told(incident.opened),
        "closed": _told(incident.closed) if incident.closed else None,
        "details": incident.details.model_dump(mode="json"),
        "notes": [{**_told(note), "text": note.text, "went_well": note.went_well} for note in incident.notes],
        "actions": [
            {
                **action.added.model_dump(include={"number", "text", "owner", "due", "decision"}),
                "done": rfc3339(action.done_at),
                "result": action.done.result if action.done else "",
            }
            for action in incident.actions
        ],
        "runs": [{**run_object(history), "in_force": len(history.in_force())} for history in histories],
    }


def _told(told: Told) -> dict[str, Any]:
    return {"at": rfc3339(told.at), "by": told.by}
