"""Earlier runs and messages in a dry run: an existing journal is read, and no journal is created."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from stopgap.orchestrator.journal import journal_exists, open_journal_to_read
from stopgap.orchestrator.journal.deliveries import deliveries
from stopgap.orchestrator.journal.failure import UnknownRunError
from stopgap.orchestrator.journal.home import state_home
from stopgap.orchestrator.past_runs import THIS, PastRun
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import Delivery


def past_runs(runs: Sequence[str], target: str) -> tuple[PastRun, ...]:
    """Return the history of earlier runs for a target.

    `runs` holds run ids, `last`, or the planned run itself. Raises UnknownRunError without a journal.
    """
    if set(runs) == {THIS}:
        return tuple(PastRun(run=run, begun=False) for run in runs)
    if not journal_exists():
        raise UnknownRunError(tr("there is no run yet below {state_home}", state_home=state_home()))
    from stopgap.orchestrator.run.archive import Archive  # noqa: PLC0415

    with open_journal_to_read() as journal:
        return Archive(journal).past_runs(runs, target)


def sent_messages(keys: Collection[str]) -> Mapping[str, Delivery]:
    """Return the delivery state of all messages so far, by message key."""
    if not journal_exists():
        return {}
    with open_journal_to_read() as journal:
        return deliveries(journal, keys)
