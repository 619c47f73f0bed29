"""The report of an incident: all runs and notes in one report. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incidents import Incident, Told
from stopgap.orchestrator.report.build import build
from stopgap.orchestrator.report.decisions import actions, duties, went_well
from stopgap.orchestrator.report.impact import customers_told, impact, messages_held
from stopgap.orchestrator.report.model import (
    Event,
    OpenPoint,
    Report,
    ReportChange,
    ReportContainment,
    ReportIncident,
    ReportStep,
    ReportTime,
)
from stopgap.orchestrator.report.open_points import findings_points, tone_of
from stopgap.orchestrator.severity import SEVERITIES

T = TypeVar("T")


class _Timed(Protocol):
    @property
    def at(self) -> datetime: ...


def build_incident(incident: Incident, histories: Sequence[History]) -> Report:
    """Return the report of an incident; `histories` are the incident's runs in order, at least one."""
    reports = [build(history) for history in histories]
    first, last = reports[0], reports[-1]
    started = min(incident.opened.at, first.started)
    changes, steps, undo_order = _numbered(reports, started)
    containment = tuple(_containment(reports))
    points = (*findings_points(histories), *_points(reports, containment))
    findings = _once([f for r in reports for f in r.findings], lambda f: (f.host, f.id))
    told = [_note(each) for each in incident.notes]
    messages = _in_time(m for r in reports for m in r.messages)
    as_of = max(history.as_of for history in histories)
    details = incident.details
    return last.model_copy(
        update={
            "incident": ReportIncident(
                name=incident.name,
                opened=incident.opened.at,
                opened_by=incident.opened.by,
                closed=incident.closed.at if incident.closed else None,
                in_charge=details.reporter,
                phone=details.phone,
                severity=details.severity,
                service=details.service,
                service_ja=details.service_ja,
                seen_at=details.seen_at,
                seen=details.seen,
                costs=details.costs,
                tlp=details.tlp,
            ),
            "run": incident.name,
            "title": incident.name,
            "runbook": "",
            "inventory": "",
            "operator": ", ".join(dict.fromkeys(report.operator for report in reports)),
            "targets": tuple(dict.fromkeys(target for report in reports for target in report.targets)),
            "hosts": _once([h for r in reports for h in r.hosts], lambda h: h.name),
            "started": started,
            "finished": None if any(r.state == "running" for r in reports) else last.finished,
            "plan_digest": None,
            "damage": tuple(f"{r.run}: {problem}" for r in reports for problem in r.damage),
            "tone": "bad" if any(r.damage for r in reports) else tone_of(containment, points),
            "containment": containment,
            "open": points,
            "not_covered": _once([g for r in reports for g in r.not_covered], lambda g: g.text),
            "steps": tuple(steps),
            "changes": tuple(changes),
            "undo_order": tuple(undo_order),
            "checks": tuple(check for report in reports for check in report.checks),
            "evidence": tuple(
                e.model_copy(update={"folder": f"runs/{r.run}/{e.folder}"}) for r in reports for e in r.evidence
            ),
            "findings": tuple(sorted(findings, key=lambda f: SEVERITIES.index(f.severity))),
            "cause": next((r.cause for r in reversed(reports) if r.cause), None),
            "answers": _in_time(a for r in reports for a in r.answers),
            "messages": messages,
            "impact": tuple(impact(histories)),
            "messages_held": messages_held(histories),
            "customers_told": customers_told(histories),
            "page_shown": details.page_shown,
            "actions": actions(incident, histories, containment, as_of),
            "duties": duties(incident, histories, as_of),
            "went_well": tuple(went_well(incident, containment, messages, started)),
            "times": tuple(_times(containment, changes, started)),
            "lessons": _once([x for r in reports for x in r.lessons], lambda x: (x.kind, x.host, x.text)),
            "rotate": _once([c for r in reports for c in r.rotate], lambda c: (c.kind, c.host, c.text)),
            "runs": tuple(run for report in reports for run in report.runs),
            "timeline": _in_time([*told, *(e for r in reports for e in r.timeline)]),
        }
    )


def _numbered(reports: Sequence[Report], started: datetime) -> tuple[list[ReportChange], list[ReportStep], list[int]]:
    """Number the changes of all runs through; the latest run is undone first."""
    changes: list[ReportChange] = []
    steps: list[ReportStep] = []
    order: list[int] = []
    for report in reports:
        before = len(changes)
        changes += [c.model_copy(update={"number": c.number + before}) for c in report.changes]
        for step in report.steps:
            after = (step.finished - started).total_seconds() if step.finished else None
            numbers = tuple(number + before for number in step.changes)
            steps.append(step.model_copy(update={"changes": numbers, "after": after}))
        order = [number + before for number in report.undo_order] + order
    return changes, steps, order


def _containment(reports: Sequence[Report]) -> Iterator[ReportContainment]:
    """Yield a containment for each target: the one in force, else the first; cut off since the first block."""
    by_target: dict[str, list[ReportContainment]] = {}
    for report in reports:
        for each in report.containment:
            by_target.setdefault(each.target, []).append(each)
    for known in by_target.values():
        now = next((each for each in reversed(known) if each.in_force), known[0])
        cut = min((each.cut_at for each in known if each.cut_at), default=None)
        yield now.model_copy(update={"cut_at": cut})


_ELSEWHERE = frozenset(
    {
        "not-contained",
        "ends",
        "findings-undecided",
        "findings-left-open",
        "findings-seen-again",
        "findings-accepted",
        "findings-acceptance-ended",
    }
)
"""Kinds of points that depend on all runs of an incident together."""


def _points(reports: Sequence[Report], containment: Iterable[ReportContainment]) -> Iterator[OpenPoint]:
    """Yield the open points but findings; a lifted block ends an incident, and is no open point."""
    for each in containment:
        if each.in_force and each.verdict != "contained":
            yield OpenPoint(kind="not-contained", host=each.target, text=each.verdict, detail="")
        elif each.in_force and each.until:
            yield OpenPoint(kind="ends", host=each.target, text="", detail="", at=each.until)
    points = [point for report in reports for point in report.open if point.kind not in _ELSEWHERE]
    yield from _once(points, lambda p: (p.kind, p.host, p.text, p.detail))


def _times(
    containment: Iterable[ReportContainment], changes: Iterable[ReportChange], started: datetime
) -> Iterator[ReportTime]:
    changed = list(changes)
    for each in containment:
        moments = {"cut": each.cut_at, "proof": each.proved_at}
        if not each.in_force:
            lifted = [c.undone for c in changed if c.target == each.target and c.undone]
            moments["lifted"] = max(lifted, default=None)
        for kind, moment in moments.items():
            if moment:
                seconds = max(0.0, (moment - started).total_seconds())
                yield ReportTime.model_validate({"kind": kind, "target": each.target, "seconds": seconds})


def _note(told: Told) -> Event:
    return Event(at=told.at, kind="note", result="", host="", text=told.text, detail=told.by)


def _once(items: Iterable[T], key: Callable[[T], Any]) -> tuple[T, ...]:
    found: dict[Any, T] = {}
    for item in items:
        found.setdefault(key(item), item)
    return tuple(found.values())


M = TypeVar("M", bound=_Timed)


def _in_time(items: Iterable[M]) -> tuple[M, ...]:
    return tuple(sorted(items, key=lambda item: item.at))
