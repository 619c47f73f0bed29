"""The course of an incident to scale: traces of the attacker, runs, outages and blocks in force. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias

from stopgap.orchestrator.report.chart import LEAST, PARTS, WIDTH, nice
from stopgap.orchestrator.report.model import Report, ReportFinding
from stopgap.orchestrator.text import tr

BEFORE = timedelta(days=30)
"""Traces that are older than this when the first run begins are counted, and not drawn."""
TRACES = 12
BARS = 40
"""Lanes of a kind; more than these are a table's business, not a drawing's."""
LONG = timedelta(days=2)
"""A course of this length or more gets a second strip, of its first hours."""
FIRST = timedelta(hours=2)
"""Length of the second strip, at least."""
TICKS = 5
"""Most ticks below a strip."""
_DRAWN = {"critical", "high", "medium"}
"""Severities of findings whose times are traces."""
_STEPS = (
    1,
    5,
    15,
    30,
    60,
    300,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    *(86400 * n for n in (1, 2, 3, 7, 14, 28)),
)
"""Seconds between ticks: round times, the longest whole days."""

_SERVICES = {"web": tr("Web site"), "mail": tr("Mail")}
Kind: TypeAlias = Literal["trace", "run", "outage", "measure"]
_Bar: TypeAlias = tuple[str, str, datetime, datetime | None, str]
"""Name, host, since, until (None: it goes on), and how it went."""
_Trace: TypeAlias = tuple[ReportFinding, list[datetime]]


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
class Tick:
    """A round time below a strip."""

    x: int
    at: datetime


@dataclass(frozen=True)
class Course:
    """A strip: `seconds` long from `start`."""

    start: datetime
    seconds: float
    ticks: tuple[Tick, ...]
    tick_seconds: float
    """Seconds between two ticks."""
    groups: tuple[Group, ...]
    moments: tuple[Moment, ...]
    earlier: int
    """Traces that are older than what is drawn."""


def courses(report: Report, zone: tzinfo = UTC) -> Iterator[Course]:
    """Yield the whole course of an incident, or of a run with dated traces; of weeks also the first hours.

    Ticks are round times of `zone`.
    """
    whole = course(report, zone)
    if whole is None:
        return
    yield whole
    if whole.seconds >= LONG.total_seconds():
        first_run = min(run.started for run in report.runs)
        cut = [at for kind, _, at in _moments(report) if kind == "cut" and at - first_run < FIRST]
        begin = min(report.started, first_run) if first_run - report.started < FIRST else first_run
        end = max([begin + FIRST, *(at + FIRST / 4 for at in cut)])
        if end < whole.start + timedelta(seconds=whole.seconds):
            yield _strip(report, zone, begin, end, _traces(report), earlier=0)


def course(report: Report, zone: tzinfo = UTC) -> Course | None:
    """Return the whole course; None for a run without dated traces."""
    traces = _traces(report)
    if not traces and not report.incident:
        return None
    bars = [bar for lanes in _bars(report).values() for bar in lanes]
    start = min([report.started, *(times[0] for _, times in traces)])
    end = max([till or report.as_of for _, _, _, till, _ in bars] + [times[-1] for _, times in traces])
    earlier = sum(at < report.started - BEFORE for f in report.findings if f.severity in _DRAWN for at in f.times)
    return _strip(report, zone, start, end, traces, earlier)


def _traces(report: Report) -> list[_Trace]:
    known = [
        (f, [at for at in f.times if report.started - BEFORE <= at <= report.as_of])
        for f in report.findings
        if f.severity in _DRAWN
    ]
    return sorted(((f, times) for f, times in known if times), key=lambda pair: pair[1][0])


def _bars(report: Report) -> dict[Kind, list[_Bar]]:
    return {
        "run": [(r.title, r.run if report.incident else "", r.started, r.finished, r.state) for r in report.runs],
        "outage": [
            (_SERVICES[each.service], each.target, since, till, "ok")
            for each in report.impact
            for since, till in each.stretches
        ],
        "measure": list(_in_force(report)),
    }


def _strip(
    report: Report, zone: tzinfo, start: datetime, end: datetime, traces: list[_Trace], earlier: int
) -> Course:
    """Return the strip between two moments; what lies outside is left out."""
    seconds = nice((end - start).total_seconds() / PARTS) * PARTS
    stop = start + timedelta(seconds=seconds)

    def place(moment: datetime) -> int:
        return min(WIDTH, max(0, round((moment - start).total_seconds() / seconds * WIDTH)))

    def groups() -> Iterator[Group]:
        mine = [(f, [at for at in times if start <= at <= stop]) for f, times in traces]
        mine = [(f, times) for f, times in mine if times]
        if mine:
            worst = sorted(mine, key=lambda pair: report.findings.index(pair[0]))[:TRACES]
            dots = tuple(
                Strand(f.title, f.host, tuple(dict.fromkeys(map(place, times))), since=times[0], till=times[-1])
                for f, times in mine
                if any(f is one for one, _ in worst)
            )
            yield Group("trace", dots, len(mine) - len(dots))
        for kind, all_lanes in _bars(report).items():
            lanes = [bar for bar in all_lanes if bar[2] <= stop and (bar[3] or report.as_of) >= start]
            drawn = []
            for label, host, since, till, state in lanes[:BARS]:
                width = max(LEAST, place(till or report.as_of) - place(since))
                bad = state not in {"ok", "running"}
                x = min(place(since), WIDTH - width)
                drawn.append(Strand(label, host, (), x, width, since, till, bad))
            if drawn:
                yield Group(kind, tuple(drawn), max(0, len(lanes) - BARS))

    step, ticks = _ticks(start, seconds, zone)
    moments = tuple(
        Moment(kind, target, place(at), at) for kind, target, at in _moments(report) if start <= at <= stop
    )
    return Course(start, seconds, tuple(Tick(place(at), at) for at in ticks), step, tuple(groups()), moments, earlier)


def _ticks(start: datetime, seconds: float, zone: tzinfo) -> tuple[float, list[datetime]]:
    """Return the seconds between two ticks, and the ticks: round times of the zone."""
    step = next((each for each in _STEPS if seconds / each <= TICKS), _STEPS[-1])
    there = start.astimezone(zone)
    clock = there.replace(tzinfo=UTC).timestamp()  # what the clocks of the zone show, as a number
    first = -(-clock // step) * step
    found = []
    for number in range(TICKS + 1):
        shown = datetime.fromtimestamp(first + number * step, UTC).replace(tzinfo=zone)
        if (shown - start).total_seconds() <= seconds:
            found.append(shown)
    return step, found


def _in_force(report: Report) -> Iterator[_Bar]:
    """Yield a bar for the time in force of each step's changes."""
    for step in report.steps:
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
