"""The order and the runner of this machine: its state folder, its operator, its name on devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.home import controller_name
from stopgap.orchestrator.journal.incidents import find_incident
from stopgap.orchestrator.run.connection_pool import Connect
from stopgap.orchestrator.run.dry_run import past_runs, sent_messages
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.person import Person, operator
from stopgap.orchestrator.run.recorder import Observer
from stopgap.orchestrator.run.runner import Runner
from stopgap.orchestrator.runbook import Runbook


def order_here(
    runbook: Runbook,
    inventory: Inventory,
    targets: tuple[Host, ...],
    params: Mapping[str, Any],
    incident: str | None = None,
) -> Order:
    """Return the order of a run from this machine.

    `params` are bound to the runbook. `incident`: the name of an incident; raises JournalError for another name.
    """
    name = ""
    if incident is not None:
        with Journal.open(state_home()) as journal:
            name = find_incident(journal, incident).name
    return Order(runbook, inventory, targets, params, name, controller_name(state_home()))


def runner_here(
    connect: Connect,
    person: Person,
    observers: Sequence[Observer],
    *,
    interruption: Interruption | None = None,
    sign_key: Path | None = None,
    recipients: Sequence[str] = (),
    take_over: bool = False,
) -> Runner:
    """Return a runner on the journal of this machine's state folder, for the present operator.

    `recipients`: public keys for the encryption of arriving evidence. `take_over`: also use a router or spare locked
    by another machine.
    """
    return Runner(
        open_journal=lambda: Journal.open(state_home()),
        connect=connect,
        person=person,
        observers=observers,
        operator=operator(),
        interruption=interruption or Interruption(),
        sign_key=sign_key,
        recipients=tuple(recipients),
        take_over=take_over,
        sent=sent_messages,
        past_runs=past_runs,
    )
