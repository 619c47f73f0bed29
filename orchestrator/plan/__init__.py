"""Planning: facts and a runbook in, every change out, with a digest; nothing is done."""

from stopgap.orchestrator.plan.fact_cache import FactReader, Look, NoShell, NotYet, OutOfReach, Wanted
from stopgap.orchestrator.plan.model import Plan, PlannedStep, canonical
from stopgap.orchestrator.plan.outstanding import Outstanding, outstanding
from stopgap.orchestrator.plan.place import Place
from stopgap.orchestrator.plan.planner import Ledger, PastRuns, Planner
from stopgap.orchestrator.plan.results import combined, predicted_result

__all__ = [
    "FactReader",
    "Ledger",
    "Look",
    "NoShell",
    "NotYet",
    "OutOfReach",
    "Outstanding",
    "PastRuns",
    "Place",
    "Plan",
    "PlannedStep",
    "Planner",
    "Wanted",
    "canonical",
    "combined",
    "outstanding",
    "predicted_result",
]
