"""What visitors and senders did without, by the changes in force and as seen from other hosts. Pure.

A block that leaves the web open takes no web site away; nor does a change that has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.history import StepStatus
from stopgap.orchestrator.outcome import DONE
from stopgap.orchestrator.report.model import ReportImpact

UsedService: TypeAlias = Literal["web", "mail"]
USED: tuple[UsedService, ...] = ("web", "mail")
_MINUTE = timedelta(minutes=1)
_BLOCK = "traffic.block"
_BEFORE: dict[str, tuple[UsedService, ...]] = {_BLOCK: USED, "mta.stop": ("mail",)}
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
                until=_last_end(stretches),
                stretches=tuple(stretches),
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


@dataclass(frozen=True)
class _InForce:
    """A change that may take services away, with the time in force."""

    host: str
    begin: datetime
    end: datetime | None
    out: tuple[str, ...]
    blocks: bool
    """One of the blocks on a router, of which the latest for a target counts."""


def _stretches(histories: Iterable[History], target: str, service: UsedService) -> Iterator[_Stretch]:
    """Yield when a service was out: a block counts only as long as no later block lets the service in."""
    known = list(_in_force(histories, target))
    for each in known:
        if service not in each.out:
            continue
        left: list[_Stretch] = [(each.begin, each.end)]
        if each.blocks:
            for later in known:
                if later.blocks and later.host == each.host and later.begin > each.begin and service not in later.out:
                    left = [part for stretch in left for part in _without(stretch, later)]
        yield from left


def _in_force(histories: Iterable[History], target: str) -> Iterator[_InForce]:
    for history in histories:
        steps = {step.step: step for step in history.steps if step.target == target}
        for change in history.changes:
            step = steps.get(change.step)
            if step is None or change.target != target or not change.made or change.state == "not-run":
                continue
            if change.activates or change.change.only_reads:
                continue
            end = None if change.stands else change.undone or (change.ends if change.expired else change.made)
            yield _InForce(change.host, change.made, end, services_out(step), step.task == _BLOCK)


def _without(stretch: _Stretch, other: _InForce) -> Iterator[_Stretch]:
    """Yield what is left of a stretch outside the time of a change."""
    begin, end = stretch
    if end is not None and end <= other.begin:
        yield stretch
        return
    if begin < other.begin:
        yield begin, other.begin
    if other.end is not None and (end is None or other.end < end):
        yield max(begin, other.end), end


def _last_end(stretches: Sequence[_Stretch]) -> datetime | None:
    """Return the end of the last stretch of a minute or more, else of the last one; None: it goes on.

    A recovery that lifts one block after the other may take a service away for seconds, long after it was back.
    """
    if stretches[-1][1] is None:
        return None
    long = [end for begin, end in stretches if end and end - begin >= _MINUTE]
    return long[-1] if long else stretches[-1][1]


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
