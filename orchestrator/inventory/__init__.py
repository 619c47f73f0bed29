"""The hosts that a runbook may touch, how to reach them, and how they stand to each other."""

from stopgap.orchestrator.inventory.inventory import Inventory, MissingVantage
from stopgap.orchestrator.inventory.loading import load_inventory, parse_inventory

__all__ = ["Inventory", "MissingVantage", "load_inventory", "parse_inventory"]
