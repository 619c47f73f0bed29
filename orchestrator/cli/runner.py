"""runner, run --site: runs at sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.journal import state_home
from stopgap.orchestrator.run.gate import gate_here
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.sites.ordering import Ordered, order_again, order_at_sites
from stopgap.orchestrator.sites.queue import queue_address
from stopgap.orchestrator.sites.rate import Rate
from stopgap.orchestrator.sites.runner import Site, run_site
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class RunnerOptions:
    """The options of `stopgap runner`."""

    site: str
    inventories: tuple[str, ...] = ()
    slots: int = 4
    rate: Rate | None = None
    until_idle: bool = False


def runner(options: RunnerOptions) -> int:
    """Carry the runs of a site on, until a signal."""
    screen = screens.err()
    site = Site(
        options.site, queue_address(), state_home(), options.slots, options.inventories, screen.line, options.rate
    )
    screen.line(tr("Runner of {site}: {slots} runs at once.", site=options.site, slots=options.slots), "title")
    run_site(site, until_idle=options.until_idle)
    return 0


def order_elsewhere(order: Order, choice: str, emergency: str, *, as_json: bool) -> int:
    """Begin a run at each site of the targets, and show how to look on."""
    address, gate = queue_address(), gate_here()
    with open_journal() as journal:
        return _told(order_at_sites(journal, address, order, choice, gate, operator(), emergency), as_json=as_json)


def resume_elsewhere(name: str, *, as_json: bool) -> int:
    """Put a run into its site's queue again, and show how to look on. `name`: the run's id, or `last`."""
    address, gate = queue_address(), gate_here()
    with open_journal() as journal:
        return _told([order_again(journal, address, journal.resolve(name), gate)], as_json=as_json)


def _told(ordered: Iterable[Ordered], *, as_json: bool) -> int:
    screen = screens.err() if as_json else screens.out()
    found = []
    for each in ordered:
        found.append({"run": each.run, "site": each.site, "targets": list(each.targets)})
        screen.line(
            tr(
                "{site}: run {run} on {targets}. Look on: stopgap watch {run}",
                site=each.site,
                run=each.run,
                targets=", ".join(each.targets),
            )
        )
    if as_json:
        print_document({**envelope("ordered"), "runs": found})
    return 0
