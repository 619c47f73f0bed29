"""Undo at sites: ordered from anywhere, carried out where the hosts are reached, with the site's own logins."""

from __future__ import annotations

from collections.abc import Sequence

from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.failure import UntrustedRunError
from stopgap.orchestrator.journal.site_records import UndoEnded, UndoOrdered
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Unattended
from stopgap.orchestrator.run.recorder import Observer
from stopgap.orchestrator.run.undo_run import UndoRequested, UndoResult, undo_run
from stopgap.orchestrator.run.whole import Whole, whole_of
from stopgap.orchestrator.sites.queue import CUT, Queued, prepare, put


def order_undo(
    journal: Journal, address: str, run: str, wanted: UndoRequested, gate: Gate, operator: str
) -> tuple[str, ...]:
    """Order the undo of every run of the order that a run belongs to, each at its site; return the runs.

    `address`: database of the queue. An undo goes before everything else in the queue; a run at work ends first.

    Raises UnknownRunError, DamagedRunError, ActRefused, QueueError.
    """
    whole = whole_of(journal, run)
    signed = {each.run: gate.undo(each, wanted.step, force=wanted.force) for each in whole.runs}
    prepare(address)
    for each in whole.runs:
        ordered = UndoOrdered(by=operator, step=wanted.step, force=wanted.force)
        journal.append(each.run, *signed[each.run], ordered)
        put(address, Queued(each.run, each.site, "", CUT))
    return tuple(each.run for each in whole.runs)


def undone(journal: Journal, run: str) -> Whole | None:
    """Return the runs of an order once the undo of each has ended, with what is left; None before."""
    whole = whole_of(journal, run)
    return whole if whole.undo_exit_code is not None else None


def carry_undo(
    journal: Journal,
    run: str,
    ordered: UndoOrdered,
    gate: Gate,
    stop: Interruption,
    inventory: Inventory | None,
    observers: Sequence[Observer] = (),
) -> UndoResult:
    """Carry out an undo at its site, and put its end on record, unless another run locks a host.

    `inventory`: the site's own. Raises RunHeldError, RefusedError, JournalError.
    """
    wanted = UndoRequested(ordered.step, ordered.force)
    try:
        result = undo_run(
            journal, run, wanted, Unattended(), observers=observers, interruption=stop, gate=gate, inventory=inventory
        )
    except (RefusedError, UsageError, UntrustedRunError) as error:
        journal.append(run, UndoEnded(exit_code=ExitCode.REFUSED, refusal=str(error)))
        raise
    if not result.locked and not stop.requested.is_set():
        journal.append(run, UndoEnded(exit_code=result.exit_code, refusal=result.refusal))
    return result
