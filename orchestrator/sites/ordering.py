"""Ordering runs at sites: each is on record before its job is in the queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.site_records import RunQueued
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.runner import run_started
from stopgap.orchestrator.sites.queue import Queued, prepare, put
from stopgap.orchestrator.sites.splitting import by_site, lock_of, priority_of
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Ordered:
    """A run that was put into a site's queue."""

    run: str
    site: str
    targets: tuple[str, ...]


def order_at_sites(
    journal: Journal, address: str, order: Order, choice: str, gate: Gate, operator: str, emergency: str = ""
) -> Iterator[Ordered]:
    """Begin one run for each site of the order's targets, and put it into the site's queue; yield each.

    `address`: database of the queue. `choice`: `auto`, or a site. `emergency`: as for a run here.

    Raises UsageError and ActRefused before anything is begun; RefusedError for a run that takes several people, whose
    plan is made at the site; QueueError. A run whose job was not put is on record, and `resume RUN --site` puts it.
    """
    gate.admit(order, emergency)
    parts = by_site(order, choice)
    for part in parts.values():
        if gate.needs_whole_plan(part, emergency):
            raise RefusedError(
                tr(
                    "a run that takes several people is planned before it is approved: run it where its "
                    "hosts are reached"
                )
            )
    prepare(address)
    runs = {site: journal.begin(run_started(part, operator)) for site, part in parts.items()}
    whole = runs if len(runs) > 1 else {}
    for site, part in parts.items():
        run = runs[site]
        journal.append(run, *gate.begin_elsewhere(run, part, emergency), RunQueued(site=site, parts=whole))
        journal.let_go(run)
        put(address, Queued(run, site, lock_of(part), priority_of(part)))
        yield Ordered(run, site, tuple(target.name for target in part.targets))
