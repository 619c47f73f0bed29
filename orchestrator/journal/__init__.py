"""The journal: intents, changes, undos and observations, on disk before and after each act."""

from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.deliveries import Delivery, deliveries, posting
from stopgap.orchestrator.journal.failure import DamagedRunError, JournalError, RunHeldError, UnknownRunError
from stopgap.orchestrator.journal.fold import fold, moment
from stopgap.orchestrator.journal.history import ChangeStatus, Containment, History, MessageStatus, StepStatus
from stopgap.orchestrator.journal.home import state_home
from stopgap.orchestrator.journal.listing import RunSummary
from stopgap.orchestrator.journal.opening import journal_exists, open_journal, open_journal_to_read
from stopgap.orchestrator.journal.records import step_of
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.journal.strays import Stray

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
    "deliveries",
    "fold",
    "journal_exists",
    "moment",
    "open_journal",
    "open_journal_to_read",
    "posting",
    "state_home",
    "step_of",
]
