"""The journal: what was intended, done, undone and seen, on disk before and after."""

from orchestrator.journal.chain import Entry
from orchestrator.journal.deliveries import Delivery, deliveries, posting
from orchestrator.journal.failure import JournalError, RunHeldError, UnknownRunError
from orchestrator.journal.fold import fold, moment
from orchestrator.journal.history import ChangeStatus, Containment, History, MessageStatus, StepStatus
from orchestrator.journal.home import state_home
from orchestrator.journal.records import step_of
from orchestrator.journal.store import Journal, RunSummary

__all__ = [
    "ChangeStatus",
    "Containment",
    "Delivery",
    "Entry",
    "History",
    "Journal",
    "JournalError",
    "MessageStatus",
    "RunHeldError",
    "RunSummary",
    "StepStatus",
    "UnknownRunError",
    "deliveries",
    "fold",
    "moment",
    "posting",
    "state_home",
    "step_of",
]
