"""Runs that were removed, and runs that stay, as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stopgap.orchestrator.documents.envelope import envelope, rfc3339
from stopgap.orchestrator.journal.prune import Judged
from stopgap.orchestrator.journal.pruned_records import RunPruned


def prune_document(
    home: str, judged: Judged, left: Sequence[str], *, dry_run: bool, keep_evidence: bool
) -> dict[str, Any]:
    """Give the runs that were, or with `dry_run` would be, removed, and the reasons of each other run to stay.

    `left`: runs of an earlier call whose folders held a rest.
    """
    return {
        **envelope("prune"),
        "home": home,
        "dry_run": dry_run,
        "evidence_kept": keep_evidence,
        "removed": [pruned_object(each) for each in judged.goes],
        "rest_removed": list(left),
        "stays": [{"run": each.run, "why": list(each.why)} for each in judged.stays],
    }


def pruned_object(pruned: RunPruned) -> dict[str, Any]:
    """Give what is on record of a removed run, without its messages."""
    times = {name: rfc3339(datetime.fromisoformat(getattr(pruned, name))) for name in ("begun", "ended", "at")}
    return {**pruned.model_dump(mode="json", exclude={"kind", "messages"}), **times}
