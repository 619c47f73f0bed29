"""An order at several sites as `--json` tells it."""

from __future__ import annotations

from typing import Any

from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.documents.run import change_object
from stopgap.orchestrator.journal import History


def whole_object(exit_code: int | None, runs: tuple[History, ...]) -> dict[str, Any]:
    """Return the runs of an order with the common exit code; the code is None while a run goes on."""
    return {
        "exit_code": exit_code,
        "runs": [{"run": each.run, "site": each.site or None, "state": each.state} for each in runs],
    }


def undone_document(exit_code: int, runs: tuple[History, ...]) -> dict[str, Any]:
    """Return the end of an undo at sites: for each run the exit code, and the changes still in force."""
    return {
        **envelope("undone"),
        "exit_code": exit_code,
        "runs": [
            {
                "run": each.run,
                "site": each.site or None,
                "exit_code": each.undo_ended.exit_code if each.undo_ended else None,
                "reason": (each.undo_ended.refusal if each.undo_ended else "") or None,
                "in_force": [change_object(change) for change in each.in_force()],
            }
            for each in runs
        ],
    }
