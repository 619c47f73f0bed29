"""The course of an incident to scale: traces of the attacker, runs, outages and blocks in force. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from stopgap.orchestrator.report.chart import LEAST, PARTS, WIDTH, nice
from stopgap.orchestrator.report.model import Report

BEFORE = timedelta(days=30)
"""Traces that are older than this when the first run begins are counted, and not drawn."""
TRACES = 12
BARS = 40
"""Lanes of a kind; more than these are a table's business, not a drawing's."""
_DRAWN = {"critical", "high", "medium"}
"""Severities of findings whose times are traces."""

Kind: TypeAlias = Literal["trace", "run", "outage", "measure"]
_Bar: TypeAlias = tuple[str, str, datetime, datetime | None, str]
"""Name, host, since, until (None: it goes on), and how it went."""


@dataclass(frozen=True)
class Strand:
    """A lane: moments, or a span of time; x and width in thousandths of the whole."""

    label: str
    host: str
    points: tuple[int, ...] = ()
    x: int = 0
    width: int = 0
    since: datetime | None = None
    till: datetime | None = None
    """None for what goes on."""
    bad: bool = False


@dataclass(frozen=True)
class Group:
    """Lanes of one kind."""

    kind: Kind
    strands: tuple[Strand, ...]
    left_out: int


@dataclass(frozen=True)
class Moment:
    """A moment marked across all lanes."""

    kind: Literal["alarm", "cut", "lifted"]
    target: str
    x: int
    at: datetime


@dataclass(frozen=True)
class Course:
    """The course: `seconds` long from `start`; `ticks` are the beginnings of equal parts."""

    start: datetime
    seconds: float
    ticks: tuple[datetime, ...]
    groups: tuple[Group, ...]
    moments: tuple[Moment, ...]
    earlier: int
    """Traces that are older than what is drawn."""


def course(report: Report) -> Course | None:
    """Return the course of an incident, or of a run with dated traces; None without dated traces."""
    known = [
        (f, [at for at in f.times if report.started - BEFORE <= at <= report.as_of])
        for f in report.findings
        if f.severity in _DRAWN
    ]
    traces = sorted(((f, times) for f, times in known if times), key=lambda pair: pair[1][0])
    if not traces and not report.incident:
        return None
    bars: dict[Kind, list[_Bar]] = {
        "run": [(r.title, r.run if report.incident else "", r.started, r.finished, r.state) for r in report.runs],
        "outage": list(_in_force(report, outage=True)),
        "measure": list(_in_force(report, outage=False)),
    }
    start = min([report.started, *(times[0] for _, times in traces)])
    end = max(till or report.as_of for lanes in bars.values() for _, _, _, till, _ in lanes)
    end = max([end, *(times[-1] for _, times in traces)])
    part = nice((end - start).total_seconds() / PARTS)

    def place(moment: datetime) -> int:
        return min(WIDTH, max(0, round((moment - start).total_seconds() / (part * PARTS) * WIDTH)))

    def groups() -> Iterator[Group]:
        if traces:
            worst = sorted(traces, key=lambda pair: report.findings.index(pair[0]))[:TRACES]
            dots = tuple(
                Strand(f.title, f.host, tuple(dict.fromkeys(map(place, times))), since=times[0], till=times[-1])
                for f, times in traces
                if any(f is one for one, _ in worst)
            )
            yield Group("trace", dots, len(traces) - len(dots))
        for kind, lanes in bars.items():
            drawn = []
            for label, host, since, till, state in lanes[:BARS]:
                width = max(LEAST, place(till or report.as_of) - place(since))
                bad = state not in {"ok", "running"}
                x = min(place(since), WIDTH - width)
                drawn.append(Strand(label, host, (), x, width, since, till, bad))
            if drawn:
                yield Group(kind, tuple(drawn), max(0, len(lanes) - BARS))

    moments = tuple(Moment(kind, target, place(at), at) for kind, target, at in _moments(report))
    earlier = sum(at < report.started - BEFORE for f in report.findings if f.severity in _DRAWN for at in f.times)
    ticks = tuple(start + timedelta(seconds=part * n) for n in range(PARTS))
    return Course(start, part * PARTS, ticks, tuple(groups()), moments, earlier)


def _in_force(report: Report, *, outage: bool) -> Iterator[_Bar]:
    """Yield a bar for the time in force of each step's changes."""
    for step in report.steps:
        if step.outage != outage:
            continue
        mine = [c for c in report.changes if c.number in step.changes and c.made and c.state != "not-run"]
        if not mine:
            continue
        ends = [c.undone or (c.ends if c.expired else None) for c in mine]
        goes_on = any(c.in_force for c in mine)
        till = None if goes_on else max((end for end in ends if end), default=None)
        since = min(c.made for c in mine if c.made)
        yield step.name, step.host, since, till if goes_on or till else since, "ok"


def _moments(report: Report) -> Iterator[tuple[Literal["alarm", "cut", "lifted"], str, datetime]]:
    if report.incident:
        yield "alarm", "", report.incident.opened
    for each in report.containment:
        if each.cut_at:
            yield "cut", each.target, each.cut_at
    for time in report.times:
        if time.kind == "lifted":
            yield "lifted", time.target, report.started + timedelta(seconds=time.seconds)
