"""The records of the chain of pruned runs: what stays in the journal of a run whose records were removed."""

from __future__ import annotations

from typing import Literal

from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.journal.record import Record
from stopgap.orchestrator.outcome import RunOutcome


class PrunedMessage(Record):
    """A message of a pruned run: no later run sends the message again."""

    key: str
    to: str
    about: EscapedLine
    state: Literal["sent", "unknown"]
    at: str
    """ISO 8601 in UTC."""


class RunPruned(Record):
    """A finished run whose records were removed, in a chain of its own for all such runs."""

    kind: Literal["run-pruned"] = "run-pruned"
    run: str
    runbook: str
    targets: tuple[str, ...]
    operator: str
    incident: str = ""
    state: RunOutcome
    begun: str
    """ISO 8601 in UTC."""
    ended: str
    """Time of the last record, ISO 8601 in UTC."""
    records: int
    last_hash: str
    """Hash of the last record."""
    manifests: dict[str, str] = {}
    """Folder of each collection, relative to the run's folder → SHA-256 of the manifest."""
    messages: tuple[PrunedMessage, ...] = ()
    evidence_kept: bool
    """Collections and journal.jsonl stay in the run's folder."""
    by: EscapedLine
    """`user@machine`."""
    at: str
    """Time of the removal, ISO 8601 in UTC."""
