"""The inventory: hosts in reach of a runbook, connection parameters, and relations between hosts."""

from stopgap.orchestrator.inventory.inventory import Inventory, MissingVantage
from stopgap.orchestrator.inventory.loading import load_inventory, parse_inventory

__all__ = ["Inventory", "MissingVantage", "load_inventory", "parse_inventory"]
