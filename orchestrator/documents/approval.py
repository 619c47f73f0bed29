"""Approvals: `approve --json`."""

from __future__ import annotations

from typing import Any

from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.approval_records import Authorized


def approval_document(run: str, digest: str, approval: Authorized, lacking: int | None) -> dict[str, Any]:
    """Give an approval just made. `run`: empty for a plan in a file; `lacking`: how many the run still needs."""
    return {
        **envelope("approval"),
        "run": run or None,
        "plan_digest": digest,
        "by": approval.person,
        "lacking": lacking,
    }


def approvals_object(history: History) -> dict[str, Any] | None:
    """Return the requester of a run, the approvers, and the missing approvals; None for a run of one person."""
    if history.approval is None:
        return None
    return {
        "people": history.approval.people,
        "plan_digest": history.approval.plan,
        "emergency": history.approval.emergency or None,
        "approved_by": list(history.approvers),
        "lacking": history.approvals_lacking,
    }
