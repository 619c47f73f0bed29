"""The journal: intents, changes, undos and observations, on disk before and after each act.

The names are imported on first use: a list of runs needs no model of a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgap.orchestrator.loading import names_of

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.chain import Entry
    from stopgap.orchestrator.journal.deliveries import Delivery, posting
    from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError, RunHeldError, UnknownRunError
    from stopgap.orchestrator.journal.fold import moment
    from stopgap.orchestrator.journal.history import ChangeStatus, Containment, History, MessageStatus, StepStatus
    from stopgap.orchestrator.journal.home import state_home
    from stopgap.orchestrator.journal.listing import RunSummary
    from stopgap.orchestrator.journal.opening import journal_exists, open_journal, open_journal_to_read
    from stopgap.orchestrator.journal.records import step_of
    from stopgap.orchestrator.journal.store import Journal
    from stopgap.orchestrator.journal.strays import Stray

_MODULES = {
    "ChangeStatus": "history",
    "Containment": "history",
    "DamagedRunError": "failure",
    "Delivery": "deliveries",
    "Entry": "chain",
    "History": "history",
    "Journal": "store",
    "JournalError": "failure",
    "MessageStatus": "history",
    "RunHeldError": "failure",
    "RunSummary": "listing",
    "StepStatus": "history",
    "Stray": "strays",
    "UnknownRunError": "failure",
    "journal_exists": "opening",
    "moment": "fold",
    "open_journal": "opening",
    "open_journal_to_read": "opening",
    "posting": "deliveries",
    "state_home": "home",
    "step_of": "records",
}

__all__ = [
    "ChangeStatus",
    "Containment",
    "DamagedRunError",
    "Delivery",
    "Entry",
    "History",
    "Journal",
    "JournalError",
    "MessageStatus",
    "RunHeldError",
    "RunSummary",
    "StepStatus",
    "Stray",
    "UnknownRunError",
    "journal_exists",
    "moment",
    "open_journal",
    "open_journal_to_read",
    "posting",
    "state_home",
    "step_of",
]

__getattr__ = names_of(__name__, _MODULES)
