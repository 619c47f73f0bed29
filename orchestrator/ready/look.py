"""All looks of `stopgap ready`, over one connection pool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.journal.home import controller_name
from stopgap.orchestrator.ready.controller import look_at_room, look_at_routes
from stopgap.orchestrator.ready.hosts import look_at_hosts
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.ready.keys import look_at_keys
from stopgap.orchestrator.ready.rehearsal import rehearse
from stopgap.orchestrator.ready.spare import look_at_spares
from stopgap.orchestrator.remote import ConnectAhead
from stopgap.orchestrator.run.connection_pool import ConnectionPool, with_controller


def usual_targets(inventory: Inventory) -> tuple[Host, ...]:
    """Return the hosts that a containment may be about: those with an upstream, or for want of these all hosts."""
    hosts = tuple(inventory.hosts.values())
    return tuple(host for host in hosts if host.upstreams) or hosts


def look(inventory: Inventory, targets: Sequence[Host], runbooks: Sequence[Path], home: Path) -> tuple[Item, ...]:
    """Return what is there for a containment of the targets, and what is lacking; nothing is changed on any host.

    `runbooks`: files whose mail servers and webhooks are greeted. `home`: the state folder.
    """
    hosts = inventory.concerned(targets)
    helpers = {name for target in targets for name in (*target.upstreams, target.spare) if name}
    spares = [inventory.hosts[name] for name in dict.fromkeys(target.spare for target in targets) if name]
    with ConnectAhead(inventory.hosts) as connect:
        connect.begin(sorted(hosts, key=lambda host: host.name not in helpers))
        with ConnectionPool(with_controller(inventory.hosts), connect) as pool:
            needing_root = frozenset({*helpers, *(target.name for target in targets)})
            items = [
                *look_at_hosts(hosts, needing_root, pool.look),
                *look_at_keys(hosts, inventory.hosts),
                *rehearse(inventory, targets, pool, controller_name(home)),
            ]
    return (*items, *look_at_spares(spares), *look_at_routes(runbooks), *look_at_room(home))
