"""Take changes back on one host: one exchange, with journal records before and after the exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from stopgap.orchestrator.change import (
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    ProviderChange,
    RunCommands,
    forget,
    rollback_timer_name,
)
from stopgap.orchestrator.device_script import RUN
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal.records import UndoIntended, UndoMade
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.run.applied import Made, outcome_of
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.host_lock import lost
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Recorded:
    """A change of the journal with the key of the record: step, target and index, and the changed host."""

    step: str
    target: str
    index: int
    host: Host
    change: AnyChange
    sure: bool = True
    """The change is known to be complete; otherwise the made part is unknown."""


def take_back(
    changes: Sequence[Recorded],
    pool: ConnectionPool,
    record: Recorder,
    *,
    because: Literal["operator", "step-failed", "run-failed"],
    force: bool = False,
) -> list[UndoMade]:
    """Roll back changes of one step on one host, in the given order; return the record of each undo.

    A drifted change is left in place and recorded as drifted; the rollback continues. A change without an expressible
    undo script is left and recorded too, as is every change on a host locked meanwhile by another run.

    Raises OutOfReach before any record is written.
    """
    if not changes:
        return []
    items: list[tuple[Recorded, Item]] = []
    results: list[UndoMade] = []
    for each in changes:
        try:
            if each.change.has_undo:
                items.append((each, Item(_undo_script(each, record.run, force=force), each.change.deadline)))
        except Exception as error:
            results.append(not_taken_back(each.step, each.target, each.index, error))
    host = changes[0].host
    session, guard = pool.session(host), pool.locks.guard(host)
    record.settle()
    record(*(UndoIntended(step=c.step, target=c.target, index=c.index, because=because) for c, _ in items))
    record.assure()
    scripts = [item for _, item in items]
    outputs = session.exchange([guard, *scripts] if guard and scripts else scripts)
    if guard and scripts and (claim_lost := lost(host, outputs.pop(0))):
        results += [
            UndoMade(step=c.step, target=c.target, index=c.index, outcome="drifted", reason=claim_lost)
            for c, _ in items
        ]
        record(*results)
        return results
    results += [
        UndoMade(step=c.step, target=c.target, index=c.index, outcome=_UNDONE[m.outcome], reason=m.reason)
        for (c, _), m in zip(items, (outcome_of(output, session.trouble) for output in outputs), strict=True)
    ]
    results += [
        UndoMade(step=c.step, target=c.target, index=c.index, outcome="no-undo", reason=tr("nobody knows its undo"))
        for c in changes
        if not c.change.has_undo
    ]
    record(*results)
    return results


def not_taken_back(step: str, target: str, index: int, error: Exception) -> UndoMade:
    """Return the record of a change with an undo ended by an internal error of Stopgap."""
    reason = tr("an error of Stopgap's own: {name}: {error}", name=error.__class__.__name__, error=error)
    return UndoMade(step=step, target=target, index=index, outcome="failed", reason=reason)


def _undo_script(recorded: Recorded, run: str, *, force: bool) -> str:
    """Return the undo script; the script cancels the rollback timer before the undo."""
    match change := recorded.change:
        case DeviceChange():
            return change.undo_script(force=force, sure=recorded.sure).replace(RUN, run)
        case ProviderChange():
            return change.undo_script(force=force, sure=recorded.sure)
        case PathChange() | RunCommands() | Activate() | AttributesChange() | FreezeChange():
            name = rollback_timer_name(run, recorded.step, recorded.target, recorded.index)
            undo = change.named(name).undo_script(force=force)
            return f"({forget(name)})\n{undo}" if change.rollback_timer is not None else undo
        case _:
            assert_never(change)


_UNDONE: dict[Made, Literal["undone", "failed", "drifted", "unknown", "no-undo"]] = {
    "done": "undone",
    "failed": "failed",
    "drifted": "drifted",
    "unknown": "unknown",
    "not-run": "unknown",
}
