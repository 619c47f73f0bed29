"""Planning: facts and a runbook in, every change out, with a digest; nothing is done."""

from orchestrator.plan.model import Plan, PlannedStep, canonical
from orchestrator.plan.planner import Look, Looker, OutOfReach, Place, Planner, Wanted, combined

__all__ = [
    "Look",
    "Looker",
    "OutOfReach",
    "Place",
    "Plan",
    "PlannedStep",
    "Planner",
    "Wanted",
    "canonical",
    "combined",
]
