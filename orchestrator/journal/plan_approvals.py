"""Approvals of plans in files: in a chain of their own, each good for one run."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from stopgap.orchestrator.journal.approval_records import ApprovalsUsed, Authorized
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.store import Journal

APPROVALS = "approvals"
"""Name of the chain."""


def approve_plan(journal: Journal, approval: Authorized) -> None:
    """Record the approval of a plan in a file. Raises JournalError."""
    journal.append(APPROVALS, approval)


def plan_approvals(journal: Journal) -> tuple[Authorized, ...]:
    """Return the approvals of plans in files, in order, used or not."""
    found = (entry.record for entry in journal.of_run(APPROVALS, "authorized"))
    return tuple(record for record in found if isinstance(record, Authorized))


def use_approvals(journal: Journal, run: str, approvals: Collection[Authorized]) -> bool:
    """Record that a run is begun with these approvals; False: another run was begun with one of them before."""
    nonces = tuple(map(nonce_of, approvals))

    def unused(entries: Sequence[Entry]) -> bool:
        return not any(set(nonces) & set(e.record.nonces) for e in entries if isinstance(e.record, ApprovalsUsed))

    return journal.append_if(APPROVALS, unused, ApprovalsUsed(run=run, nonces=nonces))


def used_approvals(journal: Journal) -> dict[str, str]:
    """Return the run that each used approval belongs to, by nonce; the first run counts."""
    used: dict[str, str] = {}
    for entry in journal.of_run(APPROVALS, "approvals-used"):
        if isinstance(entry.record, ApprovalsUsed):
            for nonce in entry.record.nonces:
                used.setdefault(nonce, entry.record.run)
    return used


def nonce_of(approval: Authorized) -> str:
    """Return what tells an approval from every other; empty for a text that is no act."""
    try:
        return str(json.loads(approval.act)["nonce"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
