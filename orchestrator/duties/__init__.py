"""Duties to notify: whom an incident may have to be told to, on which basis, and until when.

A duty is data: `duties/` has the shipped ones, a project's folder of the same name adds its own. Nothing here decides
whether a duty is owed; a person does, after a lawyer.
"""

from stopgap.orchestrator.duties.closed_days import is_closed, is_public_holiday
from stopgap.orchestrator.duties.deadline import Due, due, due_text
from stopgap.orchestrator.duties.loading import duties_in_force, load_duties, shipped_duties
from stopgap.orchestrator.duties.model import Detail, Duty, DutyFile, Item, Within, Words

__all__ = [
    "Detail",
    "Due",
    "Duty",
    "DutyFile",
    "Item",
    "Within",
    "Words",
    "due",
    "due_text",
    "duties_in_force",
    "is_closed",
    "is_public_holiday",
    "load_duties",
    "shipped_duties",
]
