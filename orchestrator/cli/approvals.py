"""How a run stands with its approvals, in lines."""

from __future__ import annotations

from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.text import tr, trn


def show_approvals(screen: Screen, history: History) -> None:
    """Show who began the run, who approved it, and what is lacking; nothing for a run without roles."""
    if history.requester:
        screen.line(tr("begun by {person}", person=history.requester))
    asked = history.approval
    if asked is None:
        return
    if history.approvers:
        screen.line(tr("approved by {people}", people=", ".join(history.approvers)), "good")
    if asked.emergency:
        screen.line(tr("It went first, in an emergency: {reason}", reason=asked.emergency), "warn")
    if left := history.approvals_lacking:
        screen.line(
            trn(
                "not approved yet: 1 more person is to look: stopgap approve {run}",
                "not approved yet: {count} more people are to look: stopgap approve {run}",
                left,
                run=history.run,
            ),
            "warn",
        )
