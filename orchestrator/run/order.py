"""What is to be run, and the hosts that it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import Runbook, vantage_of


@dataclass(frozen=True)
class Order:
    """What is to be run: validated, bound, and complete."""

    runbook: Runbook
    inventory: Inventory
    targets: tuple[Host, ...]
    params: Mapping[str, Any]
    incident: str = ""
    """Name of the incident that the run belongs to."""
    controller: str = ""
    """Names the controller on devices (`journal.home.controller_name`)."""

    def acting(self) -> list[Host]:
        """Give the hosts that steps act on: those of what contains first, which must not queue behind silent ones."""
        hosts: dict[str, Host] = {}
        for step in sorted(self.runbook.steps, key=lambda step: not tasks()[step.task].contains):
            for target in self.targets:
                on = vantage_of(step, tasks()[step.task], target, self.inventory)
                for scene in self.inventory.scenes(target, on):
                    lifted_on = (scene.target, *scene.upstreams, scene.spare) if tasks()[step.task].lifts else ()
                    hosts |= {host.name: host for host in (scene.on, *lifted_on) if host}
        return list(hosts.values())
