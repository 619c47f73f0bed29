"""What visitors and senders did without, by the changes in force and as seen from other hosts. Pure.

A block that leaves the web open takes no web site away; nor does a change that has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.history import StepStatus
from stopgap.orchestrator.outcome import DONE
from stopgap.orchestrator.report.model import ReportImpact

UsedService: TypeAlias = Literal["web", "mail"]
USED: tuple[UsedService, ...] = ("web", "mail")
_BEFORE: dict[str, tuple[UsedService, ...]] = {"traffic.block": USED, "mta.stop": ("mail",)}
"""Services out by task, in records before version 0.3, which name none."""
_CUSTOMERS = "customers.notify"
_WATCH = "service.watch"

_Stretch: TypeAlias = tuple[datetime, datetime | None]
"""Begin, and end; None: it goes on."""


def services_out(step: StepStatus) -> tuple[str, ...]:
    """Return the services that nobody outside reaches while the step's changes are in force."""
    if step.services_out is not None:
        return step.services_out
    return _BEFORE.get(step.task, USED) if step.outage else ()


def impact(histories: Sequence[History]) -> Iterator[ReportImpact]:
    """Yield what visitors and senders of each target did without; `histories` in order of their start."""
    now = max((history.as_of for history in histories), default=None)
    for target in dict.fromkeys(target for history in histories for target in history.started.targets):
        for service in USED:
            stretches = _merged(_stretches(histories, target, service))
            if now is None or not stretches:
                continue
            seen_since, seen_until, seen_by = _seen(histories, target, service, stretches)
            yield ReportImpact(
                target=target,
                service=service,
                seconds=sum(((end or now) - begin for begin, end in stretches), timedelta()).total_seconds(),
                since=stretches[0][0],
                until=stretches[-1][1],
                seen_seconds=(seen_until - seen_since).total_seconds() if seen_since and seen_until else None,
                seen_since=seen_since,
                seen_until=seen_until,
                seen_by=tuple(dict.fromkeys(seen_by)),
            )


def messages_held(histories: Sequence[History]) -> int | None:
    """Return how much mail waited in the queues; None where nobody counted."""
    counts = {
        (history.run, step.step, step.target): step.figures["messages-held"]
        for history in histories
        for step in history.steps
        if "messages-held" in step.figures and step.task == "mta.stop"
    }
    return max(counts.values()) if counts else None


def customers_told(histories: Sequence[History]) -> int:
    """Return how many customers have a message that was sent; a customer with several messages counts once."""
    told: set[str] = set()
    for history in histories:
        asking = {(step.step, step.target) for step in history.steps if step.task == _CUSTOMERS}
        told |= {m.to for m in history.messages if m.state == "sent" and (m.step, m.target) in asking}
    return len(told)


def _stretches(histories: Iterable[History], target: str, service: UsedService) -> Iterator[_Stretch]:
    for history in histories:
        out = {s.step for s in history.steps if s.target == target and service in services_out(s)}
        for change in history.changes:
            if change.target != target or change.step not in out or not change.made or change.state == "not-run":
                continue
            if change.activates or change.change.only_reads:
                continue
            yield (
                change.made,
                None if change.stands else change.undone or (change.ends if change.expired else change.made),
            )


def _merged(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    merged: list[_Stretch] = []
    for begin, end in sorted(stretches, key=lambda each: each[0]):
        if merged and (merged[-1][1] is None or begin <= merged[-1][1]):
            before = merged[-1][1]
            merged[-1] = (merged[-1][0], None if before is None or end is None else max(before, end))
        else:
            merged.append((begin, end))
    return merged


def _seen(
    histories: Sequence[History], target: str, service: UsedService, stretches: Sequence[_Stretch]
) -> tuple[datetime | None, datetime | None, list[str]]:
    """Return when another host saw the service without an answer first, when with an answer again, and which hosts.

    Only the web site is watched from outside.
    """
    if service != "web":
        return None, None, []
    proofs = [each for history in histories for each in history.containment if each.target == target]
    silent = min((each.proved_at for each in proofs if each.proved_at), default=None)
    if silent is None or silent < stretches[0][0]:
        return None, None, []
    eyes = [check.vantage for each in proofs for check in each.proofs if check.holds]
    watches = [
        (step.started, [c.vantage for c in history.checks if (c.step, c.target) == (step.step, step.target)])
        for history in histories
        for step in history.steps
        if step.target == target and step.task == _WATCH and step.outcome in DONE and step.started
    ]
    answered = sorted(each for each in watches if each[0] > silent)
    if not answered:
        return silent, None, eyes
    return silent, answered[0][0], [*eyes, *answered[0][1]]
