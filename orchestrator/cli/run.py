"""run: carry a runbook out, or preview it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import calm
from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.conclusion import show_result
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.run_options import RunOptions, RunRequested, live_view_of, runner_of
from stopgap.orchestrator.cli.words import named
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.runbook import bind, prepare, reveal_secrets
from stopgap.orchestrator.runbook.confidential import passphrase_commands
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.source import Located, read
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from pathlib import Path

    from stopgap.orchestrator.journal.incidents import Incident
    from stopgap.orchestrator.request.verification import RequestUse
    from stopgap.orchestrator.run.connection_pool import Connect
    from stopgap.orchestrator.run.order import Order
    from stopgap.orchestrator.run.recorder import Observer


@dataclass(frozen=True)
class RunCommand:
    """The options of `stopgap run`."""

    requested: RunRequested
    options: RunOptions


def run(command: RunCommand) -> int:
    """Run a runbook, or preview a runbook; with `--request`, on a customer's signed request."""
    return carry_out(command.requested, command.options)


def carry_out(wanted: RunRequested, options: RunOptions) -> int:
    """Run or preview a runbook, and show the events; return the exit code."""
    if not wanted.request:
        return _run(wanted, options)
    from stopgap.orchestrator.cli.request import followed

    with followed(wanted, wanted.request) as (allowed, request_use):
        return _run(allowed, options, request_use)


_MANY = 32
"""Hosts from which on the threads of connections are many."""


def _run(wanted: RunRequested, options: RunOptions, request_use: RequestUse | None = None) -> int:
    from stopgap.orchestrator.remote import ConnectAhead

    order = _order(wanted)
    if wanted.site and not wanted.dry_run:
        from stopgap.orchestrator.cli.runner import order_elsewhere

        return order_elsewhere(order, wanted.site, options.emergency, as_json=options.json)
    agreed = _agreed(wanted.plan)
    if not wanted.dry_run:
        _admit(order, options)
    with ConnectAhead(order.inventory.hosts, asked_once=wanted.dry_run) as connect:
        connect.begin(hosts := [*order.acting(), *(() if wanted.dry_run else order.targets)])
        if len(hosts) > _MANY:
            calm()
        return carry_out_order(order, wanted, options, connect, request_use=request_use, agreed=agreed)


def _admit(order: Order, options: RunOptions) -> None:
    """Raise ActRefused, before anything is contacted, where roles do not permit the run."""
    from stopgap.orchestrator.roles.place import roles_hold_here

    if roles_hold_here() or order.runbook.approve > 1:
        from stopgap.orchestrator.run.gate import gate_here

        gate_here().admit(order, options.emergency)


def carry_out_order(
    order: Order,
    wanted: RunRequested,
    options: RunOptions,
    connect: Connect,
    *,
    request_use: RequestUse | None = None,
    agreed: str | None = None,
) -> int:
    """Run or preview an order that is complete, and show the events; return the exit code.

    `wanted`: says whether to preview, and where to save the plan. `agreed`: the digest of a plan agreed to before.
    """
    from stopgap.orchestrator.cli.observers import Lines
    from stopgap.orchestrator.cli.terminal import Terminal, stoppable
    from stopgap.orchestrator.run.events import EventObserver
    from stopgap.orchestrator.run.sinks import SinkEvents

    live_view = None if wanted.dry_run else live_view_of(options)
    messages = live_view.messages if live_view else screens.err()
    person = Terminal(messages, yes=options.yes, wait=options.wait)
    events = EventObserver(print_line) if options.json else None
    lines = Lines(
        live_view.out if live_view else messages if options.json else screens.out(),
        named(order.runbook.name, order.runbook.name_ja),
        asks=person.asks and not wanted.dry_run,
        full=options.full,
    )
    observers: list[Observer] = [events] if events else [live_view, lines] if live_view else [lines]
    sinks = SinkEvents(lambda line: messages.line(line, "warn"))
    runner = runner_of(person, observers if wanted.dry_run else [*observers, sinks], options, connect)
    with (
        nullcontext() if wanted.dry_run else sinks,
        stoppable(runner.interruption, messages),
        live_view.showing() if live_view else nullcontext(),
    ):
        if wanted.dry_run:
            result = runner.preview(order)
            if agreed is not None and agreed != result.plan.digest:
                messages.line(
                    tr(
                        "The plan has drifted: saved {agreed}, now {digest}.",
                        agreed=agreed[:8],
                        digest=result.plan.digest[:8],
                    ),
                    "bad",
                )
        else:
            if request_use:
                request_use.unused = False
            result = runner.run(order, agreed_digest=agreed)
            if request_use:
                request_use.unused = result.run is None
    if wanted.save_plan:
        from stopgap.orchestrator.plan.saved import save_plan
        from stopgap.orchestrator.run.plan_origin import origin_of

        names = [target.name for target in order.targets]
        save_plan(wanted.save_plan, result.plan, order.runbook.name, names, origin_of(order))
    if events:
        events.finished(result)
    return show_result(result, options, messages, dry_run=wanted.dry_run)


def _order(wanted: RunRequested) -> Order:
    from stopgap.orchestrator.cli.trust import asked, typed
    from stopgap.orchestrator.run.consent import asking, keep
    from stopgap.orchestrator.run.order import order_here
    from stopgap.orchestrator.secret.agreement import agree

    source = wanted.runbook if isinstance(wanted.runbook, Located) else runbook_file(wanted.runbook)
    incident = _incident(wanted.incident)
    given = {**_from_incident(incident, source), **wanted.params}
    runbook, inventory, targets = prepare(
        source, wanted.inventories, wanted.targets, given, complete=True, limit=wanted.limit
    )
    if not targets:
        names = shortened([*inventory.hosts, *inventory.groups])
        raise UsageError(tr("which host? Name it with -t; {path} knows {names}", path=inventory.path, names=names))
    params = bind(runbook, inventory, targets, given)
    if commands := typed(runbook, wanted.typed):
        agree(command.reference for command in commands)
        if not wanted.dry_run:
            keep(commands)  # so that `resume` may run them too
    reveal_secrets(runbook, inventory, targets, params, asking(asked(screens.err())))
    if not wanted.dry_run and (passphrases := passphrase_commands(inventory, targets)):
        keep(passphrases)  # `resume` has one text of several inventories
    return order_here(runbook, inventory, targets, params, incident.name if incident else None)


def _from_incident(incident: Incident | None, source: Located | Path) -> dict[str, str]:
    """Return the incident's details for the parameters of the runbook with the same names."""
    if incident is None:
        return {}
    data = (read(source) if isinstance(source, Path) else source).data
    declared = data.get("params") if isinstance(data, dict) else None
    if not isinstance(declared, dict):
        return {}
    known = {"incident": incident.name, **incident.details.as_parameters()}
    return {name: value for name, value in known.items() if name in declared}


def _incident(name: str | None) -> Incident | None:
    """Return an existing incident; raises JournalError for an unknown name."""
    if name is None:
        return None
    from stopgap.orchestrator.cli.journals import open_journal
    from stopgap.orchestrator.journal.incidents import find_incident

    with open_journal() as journal:
        return find_incident(journal, name)


def _agreed(path: Path | None) -> str | None:
    """Return the digest of a saved plan."""
    if path is None:
        return None
    from stopgap.orchestrator.plan.saved import saved_digest

    return saved_digest(path)
