"""What a saved plan is made of; `order` loads no planner, since a run connects to its hosts first."""

from __future__ import annotations

from stopgap.orchestrator.plan.saved import Origin
from stopgap.orchestrator.run.order import Order


def origin_of(order: Order) -> Origin:
    """Return what a plan of the order is made of, for whoever approves the plan."""
    runbook, inventory = order.runbook, order.inventory
    params = runbook.dump_params(order.params)
    return Origin(runbook.text, str(runbook.path), inventory.text, str(inventory.path), params)
