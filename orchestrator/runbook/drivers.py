"""The drivers available to an inventory, as declared by the tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.source import Problem, did_you_mean, quoted


def known_drivers() -> tuple[str, ...]:
    """Return the drivers of all tasks, in order."""
    return tuple(dict.fromkeys(name for task in tasks().values() for name in task.drivers()))


def driver_problems(inventory: Inventory, hosts: Iterable[Host]) -> Iterator[Problem]:
    """Yield a problem for each host with an unknown `driver`, at the position of the driver."""
    known = known_drivers()
    for host in hosts:
        if host.named_driver is not None and host.driver not in known:
            hint = did_you_mean(host.named_driver, known) or f"known: {', '.join(known)}"
            yield inventory.problem(host.name, "driver", f"no driver is called {quoted(host.driver)}", hint)
