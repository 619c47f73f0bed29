"""Going on with a run of the journal: its runbook, inventory, targets and parameters as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory, parse_inventory
from stopgap.orchestrator.journal import History, Journal, open_journal
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.plan import Plan
from stopgap.orchestrator.remote import ConnectAhead
from stopgap.orchestrator.run.connection_pool import Connect
from stopgap.orchestrator.run.consent import agreed_before
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.run.result import RunResult
from stopgap.orchestrator.run.runner import Runner
from stopgap.orchestrator.run.trust import trusted
from stopgap.orchestrator.runbook import parse_runbook, reveal_secrets
from stopgap.orchestrator.secret.agreement import Permit
from stopgap.orchestrator.text import tr


def resume_run(
    name: str,
    runner: Callable[[Connect], Runner],
    *,
    anyway: bool = False,
    permit: Permit = agreed_before,
    inventory: Inventory | None = None,
    opened: Callable[[], Journal] = open_journal,
) -> RunResult:
    """Go on with a run that did not finish; a run that did is left as it is, and its result is given again.

    `name`: the run's id, or `last`. `runner`: gives the runner for a way to connect. `anyway`: also where the run's
    journal is damaged. `permit`: decides about commands that the runbook or the inventory names.
    `inventory`: says how the hosts are reached from here, in place of the inventory that the run was begun with.
    `opened`: opens the journal.

    Raises UnknownRunError, UntrustedRunError, RunHeldError, JournalError; InvalidInput where this version of Stopgap
    cannot read the runbook any more.
    """
    with opened() as journal:
        run = journal.resolve(name)
        history = trusted(journal, run, anyway=anyway, by=operator())
        if history.finished and history.finished.exit_code == ExitCode.OK:
            return _finished(history)
        order = order_of(history)
        if inventory is not None:
            order = reached_by(order, inventory)
        reveal_secrets(order.runbook, order.inventory, order.targets, order.params, permit)
        with ConnectAhead(order.inventory.hosts) as connect:
            return runner(connect).resume(journal, run, order, anyway=anyway)


def order_of(history: History) -> Order:
    """Give what a run was started with. Raises InvalidInput where this version cannot read it any more."""
    started = history.started
    inventory = parse_inventory(started.inventory_text, started.inventory_path).with_drivers(history.drivers)
    runbook = parse_runbook(started.runbook_text, started.runbook_path)
    targets, params = inventory.select(started.targets), runbook.load_params(started.params)
    return Order(runbook, inventory, targets, params, started.incident, started.controller)


def reached_by(order: Order, inventory: Inventory) -> Order:
    """Return an order with the hosts of another inventory, by their names.

    Raises RefusedError for a host that the inventory lacks, or that has other addresses or upstreams there.
    """
    for host in order.inventory.hosts.values():
        if host in (*order.targets, *order.acting()):
            _same(host, inventory)
    # A site's own inventory need not name the site, and locks of hosts with private addresses are named by it.
    ordered = order.inventory.hosts
    hosts = {
        name: own.model_copy(update={"site": ordered[name].site}) if own.site is None and name in ordered else own
        for name, own in inventory.hosts.items()
    }
    inventory = replace(inventory, hosts=hosts)
    return replace(order, inventory=inventory, targets=inventory.select([target.name for target in order.targets]))


def history_reached_by(history: History, inventory: Inventory) -> History:
    """Return a history with the hosts that it has changed as another inventory has them, by their names.

    Raises RefusedError for a host that the inventory lacks, or that has other addresses or upstreams there.
    """
    changed = {change.host for change in history.undoable()}
    hosts = tuple(_same(each, inventory) if each.name in changed else each for each in history.started.hosts)
    return replace(history, started=history.started.model_copy(update={"hosts": hosts}))


def _same(host: Host, inventory: Inventory) -> Host:
    own = inventory.hosts.get(host.name)
    if own is None:
        raise RefusedError(tr("{host} is no host of {inventory}", host=host.name, inventory=inventory.path))
    if (own.known_addresses, own.upstreams) != (host.known_addresses, host.upstreams):
        raise RefusedError(
            tr(
                "{host} is another host in {inventory}: its addresses or upstreams differ",
                host=host.name,
                inventory=inventory.path,
            )
        )
    return own if own.site else own.model_copy(update={"site": host.site})


def _finished(history: History) -> RunResult:
    return RunResult(
        Plan(()),
        ExitCode.OK,
        history.run,
        containment={cut.target: cut.verdict for cut in history.containment},
        findings=history.findings_now(),
        standing=history.in_force(),
        undoable=bool(history.undoable()),
    )
