"""Whether a run's records may be acted on: a journal that was edited decides nothing."""

from __future__ import annotations

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal import DamagedRunError, History, Journal
from stopgap.orchestrator.journal.failure import UntrustedRunError
from stopgap.orchestrator.journal.records import DamageAccepted

_NAMED = 20
"""Problems that are put on record."""


def trusted(journal: Journal, run: str, *, anyway: bool = False, by: str = "") -> History:
    """Give a run's history to act on: to undo, to go on, to take back a step.

    Raises UntrustedRunError where its records are damaged, or have changes after the last record that is signed. With
    `anyway`, the word of a person, `by` is put on record instead; records that cannot be read are refused even then.
    """
    try:
        history = journal.history(run)
    except DamagedRunError as error:
        raise UntrustedRunError(run, error.problems) from None
    doubts = (*history.damage, *history.unsigned)
    if doubts and not anyway:
        raise UntrustedRunError(run, doubts)
    if doubts:
        journal.append(run, DamageAccepted(by=by, problems=tuple(map(escape, doubts[:_NAMED]))))
    return history
