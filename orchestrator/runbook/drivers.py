"""The drivers available to an inventory, as declared by the tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.registry import tasks, tasks_with_drivers
from stopgap.orchestrator.source import Problem, did_you_mean, quoted


def known_drivers() -> tuple[str, ...]:
    """Return the drivers of all tasks, in order."""
    return tuple(dict.fromkeys(name for task in tasks().values() for name in task.drivers()))


def is_driver(name: str) -> bool:
    """Return True for the name of a driver; tasks of plug-ins are looked up for a name that no shipped task has."""
    return any(task.has_driver(name) for task in tasks_with_drivers()) or name in known_drivers()


def driver_problems(inventory: Inventory, hosts: Iterable[Host]) -> Iterator[Problem]:
    """Yield a problem for each host with an unknown `driver`, at the position of the driver."""
    is_known = cache(is_driver)
    for host in hosts:
        if (name := host.named_driver) is not None and not is_known(name):
            known = known_drivers()
            hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
            yield inventory.problem(host.name, "driver", f"no driver is called {quoted(name)}", hint)
