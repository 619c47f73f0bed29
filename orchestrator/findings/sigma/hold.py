"""Holds Sigma rules against a collection: each kind of event is read once, a row at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.judge import BUDGET, unread
from stopgap.orchestrator.findings.model import Compared, Finding, Findings, NotLooked, Sighting
from stopgap.orchestrator.findings.reading import SHOWN, Reading, in_utc
from stopgap.orchestrator.findings.sigma.events import Event, Stream
from stopgap.orchestrator.findings.sigma.loading import SigmaRule, SigmaRules
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.severity import SEVERITIES

_LONGEST = 300
"""Characters of an event that a finding shows."""


@dataclass
class _Case:
    """A rule at work."""

    rule: SigmaRule
    count: int = 0
    seen: list[Sighting] = field(default_factory=list)


def add_sigma(
    found: Findings,
    collected: CollectionReader,
    rules: SigmaRules,
    *,
    budget: float = BUDGET,
    clock: Callable[[], float] = time.monotonic,
) -> Findings:
    """Return the findings with matches of the Sigma rules in a collection, within `budget` seconds.

    A rule on items outside the profile is skipped.
    """
    until = clock() + budget
    by_stream: dict[Stream, list[_Case]] = {}
    for rule in rules.rules:
        by_stream.setdefault(rule.stream, []).append(_Case(rule))
    findings, spared, unseen = list(found.findings), list(found.no_discrepancy_seen), list(found.not_looked)
    for stream, cases in by_stream.items():
        reads = stream.reads()
        if not all(collected.item(artifact) for artifact in reads):
            continue
        reason, count = unread(collected, reads), 0
        if not reason:
            count, reason = _read(Reading(collected, until - clock(), clock=clock), stream, cases)
        findings += [_finding(case) for case in cases if case.count]
        missed = [case.rule for case in cases if not case.count]
        if reason:
            unseen += [_not_looked(rule, reason) for rule in missed]
        else:
            spared += [
                Compared(id=rule.id, title=rule.title, compared=f"{count} rows of {stream.about}") for rule in missed
            ]
    return found.model_copy(
        update={
            "findings": tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.id))),
            "no_discrepancy_seen": tuple(spared),
            "not_looked": (*unseen, *rules.refused),
        }
    )


def _read(reading: Reading, stream: Stream, cases: Sequence[_Case]) -> tuple[int, str]:
    """Match the rules against the events; return the count of events, and the reason for an incomplete reading."""
    count, collected = 0, reading.collected
    with reading:
        for event in stream.events(collected):
            reading.check()
            count += 1
            for case in cases:
                if case.rule.meets(event):
                    case.count += 1
                    if len(case.seen) < SHOWN:
                        case.seen.append(_sighting(event, collected))
    if reason := reading.trouble or "; ".join(reading.meter.left_out):
        return count, reason
    cut = [name for name in stream.reads() if (item := collected.item(name)) and item.truncated]
    return count, f"{', '.join(cut)} was cut off: looked at as far as it goes" if cut else ""


def _sighting(event: Event, collected: CollectionReader) -> Sighting:
    place = event.place
    item = collected.item(place.artifact)
    pid = event.fields.get("processid", "")
    return Sighting(
        what=(event.text if len(event.text) <= _LONGEST else f"{event.text[:_LONGEST]}…"),
        file=(item.file if item else None) or place.artifact,
        member=place.member,
        line=place.line,
        offset=place.offset,
        pid=parse_int(pid, 11),
        at=in_utc(event.time, collected),
    )


def _finding(case: _Case) -> Finding:
    return Finding(
        id=case.rule.id,
        severity=case.rule.severity,
        title=f"Sigma rule {case.rule.title}",
        seen=tuple(case.seen),
        count=case.count,
        why=case.rule.why,
        confidence="low",
        falsepositives=case.rule.falsepositives,
        response="Read what stands around it; the rule's references say what it is about.",
        tags=case.rule.tags,
        references=case.rule.references,
    )


def _not_looked(rule: SigmaRule, reason: str) -> NotLooked:
    return NotLooked(id=rule.id, title=f"Sigma rule {rule.title}", reason=reason)
