"""The runner of this machine: on its state folder, for its operator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.run.connection_pool import Connect
from stopgap.orchestrator.run.dry_run import past_runs, sent_messages
from stopgap.orchestrator.run.gate import Gate, gate_here
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Person, operator
from stopgap.orchestrator.run.recorder import Observer
from stopgap.orchestrator.run.runner import Runner


def runner_here(
    connect: Connect,
    person: Person,
    observers: Sequence[Observer],
    *,
    interruption: Interruption | None = None,
    sign_key: Path | None = None,
    recipients: Sequence[str] = (),
    take_over: bool = False,
    emergency: str = "",
    await_approval: bool = False,
    gate: Gate | None = None,
) -> Runner:
    """Return a runner on the journal of this machine's state folder, for the present operator.

    `recipients`: public keys for the encryption of arriving evidence. `take_over`: also use a router or spare locked
    by another machine. `emergency`: why the run goes before another person has approved it.
    `await_approval`: wait for that approval. `gate`: what roles permit. Raises InvalidInput for an
    invalid roles.yaml.
    """
    return Runner(
        open_journal=open_journal,
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
        gate=gate or gate_here(),
        emergency=emergency,
        await_approval=await_approval,
    )
