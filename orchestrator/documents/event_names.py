"""The names of all events."""

from __future__ import annotations

from typing import get_args

from stopgap.orchestrator.documents.notices import NOTICES
from stopgap.orchestrator.journal.approval_records import ApprovalsUsed
from stopgap.orchestrator.journal.incident_records import (
    ActionAdded,
    ActionDone,
    DutyDecided,
    IncidentClosed,
    IncidentDescribed,
    IncidentOpened,
    Noted,
)
from stopgap.orchestrator.journal.pruned_records import RunPruned
from stopgap.orchestrator.journal.record import Record
from stopgap.orchestrator.journal.records import AnyRecord

_NOT_OF_RUNS = {
    *(IncidentOpened, IncidentDescribed, Noted, DutyDecided, ActionAdded, ActionDone, IncidentClosed),
    RunPruned,
    ApprovalsUsed,
}
RECORDS: dict[str, type[Record]] = {
    model.model_fields["kind"].default: model
    for model in get_args(get_args(AnyRecord)[0])
    if model not in _NOT_OF_RUNS
}
"""The records of a run by their kind, which is the name of the event."""
EVENTS: tuple[str, ...] = (*RECORDS, *NOTICES)
"""What the journal and the looks of `status` can tell."""
OF_COMMANDS: tuple[str, ...] = ("step-planned", "undo-finished", "addresses-found", "driver-chosen")
"""What `run --json`, `undo --json` and `cut --json` tell besides, of which nothing is on record."""
