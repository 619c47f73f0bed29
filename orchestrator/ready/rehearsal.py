"""A dry run of what would contain the hosts: each step that cannot be done tonight, and each part left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.ready.item import Item, Subject
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.drivers import with_drivers
from stopgap.orchestrator.run.dry_run import past_runs, sent_messages
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.target_run import planner_of
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.text import tr

_CUT = "{name: Rehearsal, steps: [{id: cut, task: traffic.block, on: upstream}]}"
CUTS = "traffic.block"
_PAGE = "{name: Rehearsal, steps: [{id: page, task: web.maintenance, on: spare, with: {visitors: own}}]}"
_DONE = {"would-change", "unchanged"}


def rehearse(inventory: Inventory, targets: Sequence[Host], pool: ConnectionPool, controller: str) -> Iterator[Item]:
    """Yield what the plans of the cut and of the page say, host by host; nothing is written on any host."""
    routed = [target for target in targets if target.upstreams]
    for target in targets:
        if not target.upstreams:
            text = tr("no router is named above it: name its `upstream` in the inventory")
            yield Item(target.name, "router", "lacks", text)
    yield from dict.fromkeys(
        item for step in _planned(_CUT, inventory, routed, pool, controller) for item in _of_cut(step)
    )
    spares = {target.spare: target for target in routed if target.spare}
    yield from dict.fromkeys(
        item
        for step in _planned(_PAGE, inventory, list(spares.values()), pool, controller)
        for item in _of_step(step, "page", step.place.name)
    )


def _planned(
    text: str, inventory: Inventory, targets: Sequence[Host], pool: ConnectionPool, controller: str
) -> tuple[PlannedStep, ...]:
    if not targets:
        return ()
    order = with_drivers(_order(text, inventory, targets, controller), pool)
    planner = planner_of(order, pool.look, sent_messages, past_runs, urgent=False)
    return planner.plan(order.targets).steps


def cutting(inventory: Inventory, targets: Sequence[Host]) -> Order:
    """Return the order to cut off the targets, for whoever needs to know the routers' drivers."""
    return _order(_CUT, inventory, targets, "")


def _order(text: str, inventory: Inventory, targets: Sequence[Host], controller: str) -> Order:
    return Order(parse_runbook(text, "rehearsal"), inventory, tuple(targets), {}, controller=controller)


def _of_cut(step: PlannedStep) -> Iterator[Item]:
    target, router = step.target.name, step.place
    yield from _of_step(step, "cut", target)
    if step.outcome in _DONE and router.driver:
        found = step.scene.found if step.scene else None
        why = f" ({found.why})" if found else ""
        can = tasks()[step.step.task].describe_driver(router.driver)
        yield Item(router.name, "router", "ready", f"{router.driver}{why}: {can}")
    containing = [check for check in step.checks if check.containment]
    if containing and all(
        not step.vantages(check) for check in containing if check.vantage not in {"target", "upstream"}
    ):
        text = tr(
            "nobody would see the cut from outside: give a host `vantage: outside`, or the verdict stays unverified"
        )
        yield Item(target, "vantage", "lacks", text)


def _of_step(step: PlannedStep, subject: Subject, host: str) -> Iterator[Item]:
    if step.outcome not in _DONE:
        where = "" if step.place.name == host else tr(" on {place}", place=step.place.name)
        yield Item(host, subject, "lacks", f"{step.outcome}{where}: {step.reason}")
        return
    first, *more = [change.describe() for change in step.changes] or [tr("as wanted already")]
    yield Item(
        host,
        subject,
        "ready",
        tr("{first}, and {count} changes more", first=first, count=len(more)) if more else first,
    )
    for gap in step.gaps:
        yield Item(host, subject, "lacks" if gap.limit else "told", gap.text)
