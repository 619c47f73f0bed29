"""Trust in a run's records: an edited journal decides nothing."""

from __future__ import annotations

from stopgap.orchestrator.journal import DamagedRunError, History, Journal
from stopgap.orchestrator.journal.failure import UntrustedRunError
from stopgap.orchestrator.journal.records import DamageAccepted

_NAMED = 20
"""Most problems recorded."""


def trusted(journal: Journal, run: str, *, anyway: bool = False, by: str = "") -> History:
    """Return a run's history for an undo, a resume, or the rollback of a step.

    Raises UntrustedRunError for damaged records, or for changes after the last signed record. With `anyway`, the word
    of a person, `by` is recorded instead; unreadable records are refused even then.
    """
    try:
        history = journal.history(run)
        doubts = (*history.damage, *history.unsigned)
        if doubts and anyway:
            journal.append(run, DamageAccepted(by=by, problems=tuple(doubts[:_NAMED])))
    except DamagedRunError as error:
        raise UntrustedRunError(run, error.problems) from None
    if doubts and not anyway:
        raise UntrustedRunError(run, doubts)
    return history
