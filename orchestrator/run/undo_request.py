"""Rollback of earlier runs as a step of a run: the same undo as `stopgap undo RUN --step ID`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import ChangeStatus, JournalError
from stopgap.orchestrator.outcome import DONE, Outcome
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.run.archive import Archive
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.host_lock import lost, refusal
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.undo import undo
from stopgap.orchestrator.task import UndoRequest
from stopgap.orchestrator.text import joined, tr, trn


@dataclass(frozen=True)
class Lifted:
    """The outcome of a step's undo requests, with a note for the operator."""

    outcome: Outcome
    said: str


def lift(
    step: PlannedStep, pool: ConnectionPool, archive: Archive, record: Recorder, interruption: Interruption
) -> Lifted:
    """Carry out the step's undo requests in order, up to the first incomplete undo.

    Raises JournalError if the journal fails.
    """
    said: list[str] = []
    for undo_request in step.undo_requests:
        ended = _lift(undo_request, step, pool, archive, record, interruption)
        if ended.outcome not in DONE:
            return Lifted(ended.outcome, joined("; ", [*said, ended.said]))
        said += [ended.said] if ended.outcome == "changed" else []
    return (
        Lifted(Outcome.CHANGED, joined("; ", said))
        if said
        else Lifted(Outcome.UNCHANGED, tr("nothing of it was in force any more"))
    )


def _lift(
    undo_request: UndoRequest,
    step: PlannedStep,
    pool: ConnectionPool,
    archive: Archive,
    record: Recorder,
    interruption: Interruption,
) -> Lifted:
    try:
        run = archive.resolve(undo_request.run) or ""
        with archive.at_work_on(run, record) as (history, records):
            changes = [c for c in history.undoable(undo_request.step) if c.target == step.target.name]
            hosts = history.hosts
            if held := _claimed(pool, [hosts[c.host] for c in changes if c.host in hosts]):
                return Lifted(Outcome.REFUSED, held)
            with interruption.cutting(pool.close, gently=True):
                result = undo(history, changes, pool, records, interruption=interruption, force=undo_request.force)
    except JournalError as error:
        return Lifted(Outcome.REFUSED, str(error))
    if result.unreachable:
        return Lifted(Outcome.UNREACHABLE, next(iter(result.unreachable.values())))
    left = [made for made in result.made if made.outcome != "undone"]
    if drifted := [made for made in left if made.outcome == "drifted"]:
        return Lifted(
            Outcome.REFUSED,
            tr("{does} was left as it is: {reason}", does=_does(changes, drifted[0].index), reason=drifted[0].reason),
        )
    if left:
        unknown = all(made.outcome == "unknown" for made in left)
        return Lifted(
            Outcome.UNKNOWN if unknown else Outcome.FAILED,
            tr("{does}: {reason}", does=_does(changes, left[0].index), reason=left[0].reason),
        )
    if len(result.made) < len(changes):
        return Lifted(Outcome.FAILED, tr("interrupted before all of it was taken back"))
    undone = len(result.made)
    return Lifted(
        Outcome.CHANGED if undone else Outcome.UNCHANGED,
        trn(
            "1 change of step {step} of run {run} taken back",
            "{count} changes of step {step} of run {run} taken back",
            undone,
            step=undo_request.step,
            run=run,
        ),
    )


def _does(changes: Iterable[ChangeStatus], index: int) -> str:
    return next((c.change.describe() for c in changes if c.index == index), tr("a change"))


def _claimed(pool: ConnectionPool, hosts: Iterable[Host]) -> str:
    """Lock the hosts; return the holder of a foreign lock, or the reason for a lost lock.

    Unreachable hosts are left to the undo.
    """
    unique = list({host.name: host for host in hosts}.values())
    pool.lock(unique)
    if held := refusal(pool.locks.held, (host.name for host in unique)):
        return held
    for host in unique:
        guard = pool.locks.guard(host)
        try:
            said = lost(host, pool.session(host).exchange([guard])[0]) if guard else ""
        except OutOfReach:
            continue
        if said:
            return said
    return ""
