"""The lines of sudoers(5) that let a NOC's account block on a router, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.ready.rehearsal import CUTS, cutting
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.remote import ConnectAhead
from stopgap.orchestrator.run.connection_pool import ConnectionPool, with_controller
from stopgap.orchestrator.run.drivers import with_drivers


def sudoers(inventory: Inventory, targets: Sequence[Host]) -> Iterator[str]:
    """Yield the lines for each router above the targets; a router without a driver is looked at, and read alone."""
    routed = [target for target in targets if target.upstreams]
    names = dict.fromkeys(name for target in routed for name in target.upstreams)
    routers = [inventory.hosts[name] for name in names]
    if any(router.named_driver is None for router in routers):
        with (
            ConnectAhead(inventory.hosts) as connect,
            ConnectionPool(with_controller(inventory.hosts), connect) as pool,
        ):
            inventory = with_drivers(cutting(inventory, routed), pool).inventory
    for name in names:
        yield from _of(inventory.hosts[name])


def _of(router: Host) -> Iterator[str]:
    if not router.has_shell or router.user == "root":
        why = "logs in as root" if router.has_shell else "has no shell, and no sudo"
        yield f"# {router.name}: {why}, so that nothing is to be permitted"
        return
    if router.named_driver is None:
        yield f"# {router.name}: could not be looked at; name its `driver` in the inventory"
        return
    programs = tasks()[CUTS].sudo_for(router.named_driver)
    key = f"sudo_for: [{', '.join(programs)}]" if programs else "become: sudo"
    yield f"# {router.name}, driver {router.driver}: into /etc/sudoers.d/stopgap there; in the inventory `{key}`"
    allowed = ", ".join(f"/usr/sbin/{program}" for program in programs) or "/bin/sh -s"
    yield f"Defaults:{router.user} !requiretty"
    yield f"{router.user} ALL=(root) NOPASSWD: {allowed}"
