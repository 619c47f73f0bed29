"""Evidence that waits for its store, for `--json`."""

from __future__ import annotations

from typing import Any

from stopgap.orchestrator.documents.envelope import rfc3339
from stopgap.orchestrator.journal.evidence_waiting import NotStored


def not_stored_object(each: NotStored) -> dict[str, Any]:
    """Return a run of which evidence waits."""
    return {"run": each.run, "since": rfc3339(each.since), "reason": each.reason}
