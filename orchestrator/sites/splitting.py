"""Which site a run belongs to: by the `site` of its targets, and of the routers and spares that it acts on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.sites.queue import CUT, REST
from stopgap.orchestrator.text import tr

AUTO = "auto"


def by_site(order: Order, choice: str) -> dict[str, Order]:
    """Return the part of an order for each site, in the order of the targets.

    `choice`: `auto`, or the name of the one site. Raises UsageError for a target of no site or of another one, and
    for a router or a spare that stands at another site than its target.
    """
    targets: dict[str, list[Host]] = {}
    for target in order.targets:
        targets.setdefault(_site_of(target, order.inventory, choice), []).append(target)
    parts = {site: replace(order, targets=tuple(found)) for site, found in targets.items()}
    for site, part in parts.items():
        for host in part.acting():
            if host.site not in {None, site}:
                raise UsageError(
                    tr(
                        "{host} stands at {other}, and its target at {site}",
                        host=host.name,
                        other=host.site,
                        site=site,
                    )
                )
    return parts


def lock_of(order: Order) -> str:
    """Return the router that no two runs of a site work on at once; empty for a run without routers.

    A run over several routers has the first by name: the locks on the routers themselves hold for each.
    """
    return min((name for target in order.targets for name in target.upstreams), default="")


def priority_of(order: Order) -> int:
    """Return the priority of a run: what cuts hosts off goes first."""
    return CUT if any(tasks()[step.task].contains for step in order.runbook.steps) else REST


def _site_of(target: Host, inventory: Inventory, choice: str) -> str:
    hosts: Mapping[str, Host] = inventory.hosts
    above = {hosts[name].site for name in target.upstreams if name in hosts} - {None}
    site = target.site or (next(iter(above)) if len(above) == 1 else None)
    if choice == AUTO:
        if site is None:
            raise UsageError(tr("{target} has no `site` in the inventory", target=target.name))
        return site
    if site not in {None, choice}:
        raise UsageError(
            tr("{target} stands at {site}, not at {choice}", target=target.name, site=site, choice=choice)
        )
    return choice
