"""Prove a step: run the checks from their vantages, with retries until a check holds or its timeout ends.

A check of a lasting state is repeated until its time is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.check import Check, Judgement, Outbound
from stopgap.orchestrator.facts import Reader, TcpConnect
from stopgap.orchestrator.host import CONTROLLER, Host
from stopgap.orchestrator.journal.error_files import own_error
from stopgap.orchestrator.journal.records import CheckJudged
from stopgap.orchestrator.plan import Look, OutOfReach, PlannedStep
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.outbound import have_sent
from stopgap.orchestrator.run.shared import Shared, Socket
from stopgap.orchestrator.text import tr

PAUSE = 0.2
"""Seconds between two attempts at a check not yet holding."""


@dataclass(frozen=True)
class _Look:
    check: Check
    vantage: Host


def prove(
    step: PlannedStep, pool: ConnectionPool, cancelled: threading.Event, shared: Shared | None = None
) -> list[CheckJudged]:
    """Run a step's checks and return the observation of each vantage, in the order of the checks.

    `shared`: the exchanges that steps of several targets share; default: probes of this step alone.
    """
    shared = shared or Shared()
    judged: dict[_Look, Judgement] = {}
    looks: list[_Look] = []
    blind: list[CheckJudged] = []
    for check in step.checks:
        vantages = step.vantages(check)
        looks += [_Look(check, vantage) for vantage in vantages]
        if not vantages:
            blind.append(
                _judged(step, check, check.vantage, Judgement(None, tr("the inventory has no such vantage")))
            )
    started = time.monotonic()
    failing: dict[_Look, float] = dict.fromkeys(looks, started)
    pending = due = looks
    while pending:
        seen = _see(due, step.target, pool, shared)
        judged.update({look: judge(look.check, seen[look]) for look in due})
        now = time.monotonic()
        for look in due:
            if judged[look].holds is not False:
                failing.pop(look, None)
            else:
                failing.setdefault(look, now)
        pending = [look for look in pending if _goes_on(look, failing.get(look), now - started, now)]
        due = [look for look in pending if look in failing] or pending
        pause = PAUSE if failing.keys() & set(due) else _rest(due, now - started)
        if cancelled.wait(pause):
            break
    return [_judged(step, look.check, look.vantage.name, judged[look]) for look in looks] + blind


def _goes_on(look: _Look, failing_since: float | None, after: float, now: float) -> bool:
    """Return True for another attempt: a failing check within its timeout, a holding check within its duration."""
    if failing_since is not None:
        return now - failing_since < look.check.patience
    return after < look.check.steady


def _rest(due: Sequence[_Look], after: float) -> float:
    """Return the seconds until the next attempt at a holding check; the last attempt ends the check's duration."""
    return min((min(look.check.every, look.check.steady - after) for look in due), default=0)


def _see(looks: Sequence[_Look], target: Host, pool: ConnectionPool, shared: Shared) -> dict[_Look, Look]:
    """Run the checks, with all connection attempts of a vantage in parallel, and those of other targets with them.

    A target without an answer so far is skipped, if the target's own word would prove nothing.
    """
    sending = [(check, look.vantage) for look in looks if isinstance(check := look.check, Outbound)]
    late = [look for look in looks if look.check.one_sided and look.vantage == target and not pool.answers(target)]
    rest = [look for look in looks if not isinstance(look.check, Outbound) and look not in late]
    silent = OutOfReach(tr("{target} has not answered so far", target=target.name))
    with ThreadPoolExecutor(1, "outbound") as workers:
        heard = workers.submit(have_sent, sending, target, pool, shared.listeners) if sending else None
        seen = _see_at_eyes(rest, pool, shared) | dict.fromkeys(late, silent)
        if heard:
            seen |= {_Look(check, vantage): heard.result()[check, vantage.name] for check, vantage in sending}
    return seen


def _see_at_eyes(looks: Sequence[_Look], pool: ConnectionPool, shared: Shared) -> dict[_Look, Look]:
    probes: dict[Host, dict[_Look, Socket]] = {}
    wanted: dict[_Look, Reader[Any]] = {}
    for look in looks:
        reader = look.check.reader()
        if isinstance(reader, TcpConnect):
            probes.setdefault(look.vantage, {})[look] = (reader.address, reader.port)
        else:
            wanted[look] = reader
    by_vantage: dict[Host, tuple[Reader[Any], ...]] = {}
    for look, reader in wanted.items():
        by_vantage[look.vantage] = (*by_vantage.get(look.vantage, ()), reader)
    with ThreadPoolExecutor(len(probes) + len(by_vantage) or 1, "probes") as workers:
        probed = {
            vantage: workers.submit(shared.probe, vantage, tuple(dict.fromkeys(made.values())), pool)
            for vantage, made in probes.items()
        }
        read = {
            vantage: workers.submit(shared.look, vantage, readers, pool) for vantage, readers in by_vantage.items()
        }
        seen: dict[_Look, Look] = {look: read[look.vantage].result()[reader] for look, reader in wanted.items()}
        for vantage, made in probes.items():
            answers = probed[vantage].result()
            seen |= {look: answers if isinstance(answers, Exception) else answers[at] for look, at in made.items()}
    return seen


def judge(check: Check, look: Look) -> Judgement:
    """Judge an observation; a missing or unreadable observation neither holds nor fails."""
    if isinstance(look, Exception):
        return Judgement(None, str(look))
    try:
        return check.judge(look)
    except Exception as error:  # an internal error of the check leaves no judgement
        return Judgement(None, tr("it could not be judged: {error}", error=own_error(error)))


def _judged(step: PlannedStep, check: Check, vantage: str, judgement: Judgement) -> CheckJudged:
    return CheckJudged(
        step=step.key,
        target=step.target.name,
        vantage=vantage,
        about=check.describe(),
        holds=judgement.holds,
        seen=judgement.seen,
        containment=check.containment,
        one_sided=check.one_sided,
        reported_by_target=check.trusts_target and vantage != CONTROLLER.name,
    )
