"""Confirm access after a risky change, before the rollback timer on the host takes the change back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from stopgap.orchestrator.change import LOST, TAKEN_BACK, TAKING_BACK_FAILED, forget, rollback_timer_name, settle
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.journal.records import RollbackTimerSettled
from stopgap.orchestrator.plan import OutOfReach
from stopgap.orchestrator.remote import Item, Session
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.text import tr

GRACE = 20.0
"""Seconds after a rollback timer's deadline for the host to become reachable and report."""
PAUSE = 0.5
"""Seconds between two attempts to connect."""
_DEADLINE = 20.0


@dataclass(frozen=True)
class Armed:
    """A change under a rollback timer, with the timeout in seconds."""

    step: str
    target: str
    index: int
    seconds: float


def confirm(
    armed: Sequence[Armed], host: Host, pool: ConnectionPool, record: Recorder, interruption: Interruption
) -> list[RollbackTimerSettled]:
    """Cancel the rollback timer over a fresh connection to the host, and record the result.

    Retries until the timer must have fired, and a little longer, to learn of the rollback.
    """
    if not armed:
        return []
    end = time.monotonic() + max(a.seconds for a in armed) + GRACE
    given_up = threading.Event()
    reason = ""
    settled: list[RollbackTimerSettled] = []
    with interruption.cutting(given_up.set, gently=True):
        while not settled:
            try:
                with pool.fresh(host) as session, interruption.cutting(session.close, gently=True):
                    settled = _ask(armed, session, record.run, reason)
            except OutOfReach as error:
                reason = reason or str(error)
            if not settled and (given_up.wait(PAUSE) or time.monotonic() > end):
                why = tr(
                    "no fresh connection came about ({reason}); {host} takes it back by itself",
                    reason=reason,
                    host=host.name,
                )
                settled = [_settled(a, "unknown", why) for a in armed]
    record(*settled)
    return settled


def settle_all(history: History, pool: ConnectionPool, record: Recorder) -> None:
    """Settle rollback timers left by a dead process, host by host, so that nothing changes under the next plan.

    An unreachable host is left as is. Every connection is fresh.
    """
    hosts = history.hosts
    for name, changes in groupby(_by_host(history.unsettled()), key=lambda change: change.host):
        armed = [Armed(c.step, c.target, c.index, c.change.rollback_timer or 0.0) for c in changes]
        try:
            record(*_ask(armed, pool.session(hosts[name]), record.run, tr("the process that made it died")))
        except OutOfReach:
            continue


def _by_host(changes: Iterable[ChangeStatus]) -> list[ChangeStatus]:
    return sorted(changes, key=lambda change: change.host)


def _ask(armed: Sequence[Armed], session: Session, run: str, reason: str) -> list[RollbackTimerSettled]:
    """Cancel the timer; return `None` without an answer of the host."""
    items = [Item(_settle_once(rollback_timer_name(run, a.step, a.target, a.index)), _DEADLINE) for a in armed]
    outputs = session.exchange(items)
    if any(output.status is None for output in outputs):
        return []
    return [_judged(a, output, reason) for a, output in zip(armed, outputs, strict=True)]


def _settle_once(name: str) -> str:
    return f"({settle(name)})\ns=$?\n({forget(name)})\nexit $s"


def _judged(armed: Armed, output: Output, reason: str) -> RollbackTimerSettled:
    because = f": {reason}" if reason else ""
    match output.status:
        case 0:
            return _settled(armed, "confirmed")
        case _ if output.status == TAKEN_BACK:
            return _settled(
                armed,
                "taken-back",
                tr("the host took it back, as nobody confirmed access in time{because}", because=because),
            )
        case _ if output.status == TAKING_BACK_FAILED:
            return _settled(
                armed, "failed", tr("the host tried to take it back, and could not{because}", because=because)
            )
        case _ if output.status == LOST:
            return _settled(armed, "unknown", tr("no trace is left of its rollback timer"))
        case _:
            said = output.stderr.last_line() or tr("it said nothing")
            return _settled(armed, "unknown", tr("its rollback timer could not be asked after: {said}", said=said))


def _settled(armed: Armed, outcome: str, reason: str = "") -> RollbackTimerSettled:
    return RollbackTimerSettled.model_validate(
        {"step": armed.step, "target": armed.target, "index": armed.index, "outcome": outcome, "reason": reason}
    )
