"""Inventories of other tools, as inventories of Stopgap: Ansible's, ssh_config(5), a command's, a list of logins."""

from stopgap.orchestrator.inventory.foreign.model import Understood
from stopgap.orchestrator.inventory.foreign.source import understand

__all__ = ["Understood", "understand"]
