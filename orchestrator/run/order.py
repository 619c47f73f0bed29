"""The request for a run, and the hosts concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.journal.home import controller_name, state_home
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import Runbook, vantage_of


@dataclass(frozen=True)
class Order:
    """The request for a run: validated, bound, complete."""

    runbook: Runbook
    inventory: Inventory
    targets: tuple[Host, ...]
    params: Mapping[str, Any]
    incident: str = ""
    """Name of the run's incident."""
    controller: str = ""
    """Names the controller on devices (`journal.home.controller_name`)."""

    def acting(self) -> list[Host]:
        """Return the hosts acted on; hosts of containment steps come first, ahead of silent hosts in the queue."""
        hosts: dict[str, Host] = {}
        for step in sorted(self.runbook.steps, key=lambda step: not tasks()[step.task].contains):
            for target in self.targets:
                on = vantage_of(step, tasks()[step.task], target, self.inventory)
                for scene in self.inventory.scenes(target, on):
                    lifted_on = (scene.target, *scene.upstreams, scene.spare) if tasks()[step.task].lifts else ()
                    hosts |= {host.name: host for host in (scene.on, *lifted_on) if host}
        return list(hosts.values())


def order_here(
    runbook: Runbook,
    inventory: Inventory,
    targets: tuple[Host, ...],
    params: Mapping[str, Any],
    incident: str | None = None,
) -> Order:
    """Return the order of a run from this machine.

    `params` are bound to the runbook. `incident`: the name of an incident; raises JournalError for another name.
    """
    name = ""
    if incident is not None:
        from stopgap.orchestrator.journal import open_journal  # noqa: PLC0415 - SQLite, only for an incident
        from stopgap.orchestrator.journal.incidents import find_incident  # noqa: PLC0415

        with open_journal() as journal:
            name = find_incident(journal, incident).name
    return Order(runbook, inventory, targets, params, name, controller_name(state_home()))
