"""Ordering runs at sites: each is on record before its job is in the queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.site_records import RunQueued
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.resume_run import order_of
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

    The plan of a run that takes several people is made at the site, and then waits for their approval.

    Raises UsageError and ActRefused before anything is begun; QueueError: a run whose job was not put is on
    record, and `order_again` puts the job.
    """
    gate.admit(order, emergency)
    parts = by_site(order, choice)
    prepare(address)
    runs = {site: journal.begin(run_started(part, operator)) for site, part in parts.items()}
    whole = runs if len(runs) > 1 else {}
    for site, part in parts.items():
        run = runs[site]
        journal.append(run, *gate.begin_elsewhere(run, part, emergency), RunQueued(site=site, parts=whole))
        journal.let_go(run)
        put(address, Queued(run, site, lock_of(part), priority_of(part)))
        yield Ordered(run, site, tuple(target.name for target in part.targets))


def order_again(journal: Journal, address: str, run: str, gate: Gate) -> Ordered:
    """Put a run that has ended without success, or whose job is lost, into its site's queue again.

    `run`: an id. Raises UsageError for a run of no site, ActRefused, QueueError.
    """
    history = journal.history(run)
    if not history.site:
        raise UsageError(tr("run {run} was not ordered at a site", run=run))
    order = order_of(history)
    journal.append(
        run, *gate.go_on(journal, history).records, RunQueued(site=history.site, parts=dict(history.parts))
    )
    put(address, Queued(run, history.site, lock_of(order), priority_of(order)))
    return Ordered(run, history.site, history.started.targets)
