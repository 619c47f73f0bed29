"""The driver of a router that has none in the inventory: found out on the router, by reading, before the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stopgap.orchestrator.facts import UnreadableError
from stopgap.orchestrator.host import Cli, DriverFound, Host, Scene
from stopgap.orchestrator.journal.records import DriverChosen
from stopgap.orchestrator.plan import NoShell, OutOfReach
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.runbook import vantage_of
from stopgap.orchestrator.task import Refused, Task
from stopgap.orchestrator.text import tr

AnyTask = Task[Any, Any]


def with_drivers(order: Order, pool: ConnectionPool) -> Order:
    """Return the order with a driver for every router of a step; a router that cannot be reached stays without.

    A router without a shell is asked for its command line. Nothing is written on a router.
    """
    routers = {scene.on.name: (task, scene) for task, scene in _without_driver(order)}
    if not routers:
        return order
    wanted = [(scene.on, reader) for task, scene in routers.values() for reader in task.router_reads(scene).values()]
    looks = pool.look(wanted)
    found: dict[str, DriverFound] = {}
    for name, (task, scene) in routers.items():
        read = {key: looks[name, reader] for key, reader in task.router_reads(scene).items()}
        if any(isinstance(look, OutOfReach) and not isinstance(look, NoShell) for look in read.values()):
            continue
        readable = {key: look for key, look in read.items() if not isinstance(look, UnreadableError | OutOfReach)}
        why = next((str(look) for look in read.values() if isinstance(look, NoShell)), "")
        if driver := _driver(task, scene, readable, why, pool):
            found[name] = driver
    return replace(order, inventory=order.inventory.with_drivers(found), targets=order.targets)


def record_drivers(order: Order, record: Recorder, known: Mapping[str, DriverFound] | None = None) -> None:
    """Record the drivers found out for an order, except `known` drivers. Raises JournalError."""
    new = {name: one for name, one in order.inventory.found.items() if one.driver and (known or {}).get(name) != one}
    record(
        *(
            DriverChosen(host=name, driver=one.driver, cli=one.cli, why=one.why)
            for name, one in new.items()
            if one.driver
        )
    )


def _without_driver(order: Order) -> list[tuple[AnyTask, Scene]]:
    found = []
    for step in order.runbook.steps:
        task = tasks()[step.task]
        if type(task).router_reads is Task.router_reads:
            continue
        for target in order.targets:
            on = vantage_of(step, task, target, order.inventory)
            scenes = order.inventory.scenes(target, on) if order.inventory.offers(target, on) else ()
            found += [(task, s) for s in scenes if s.on.named_driver is None and s.on.name != target.name]
    return found


def _driver(
    task: AnyTask, scene: Scene, read: Mapping[str, Any], no_shell: str, pool: ConnectionPool
) -> DriverFound | None:
    try:
        if scene.on.cli is not None:
            return task.driver_for_cli(scene.on.cli, tr("its `cli` in the inventory"))
        if read:
            return task.driver_for(read, scene)
        cli, seen = _command_line(scene.on, pool)
        return task.driver_for_cli(cli, seen)
    except OutOfReach as error:
        why = tr(
            "{host} answers neither as a shell ({no_shell}) nor as a command line that Stopgap knows: {error}; name "
            "its `driver` and `cli` in the inventory",
            host=scene.on.name,
            no_shell=no_shell,
            error=error,
        )
        return DriverFound(driver=None, why=why)
    except Refused as refusal:
        return DriverFound(driver=None, why=str(refusal))


def _command_line(router: Host, pool: ConnectionPool) -> tuple[Cli, str]:
    """Return the command line of a router without a shell, and how it was recognised. Raises OutOfReach."""
    cli, seen = pool.command_line(router)
    pool.reopen(router.model_copy(update={"cli": cli}))
    return cli, seen
