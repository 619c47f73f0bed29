"""The run drawn to scale: a lane for each step, bars in thousandths of the width, four equal parts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestrator.report.model import Report

WIDTH = 1000
PARTS = 4
LANES = 40
"""More steps than these are a table's business, not a drawing's."""
_AS_OUTCOME = {"ok": "changed"}
"""A run's state → the outcome of a step that is drawn alike."""
_LEAST = 4
"""Width of the shortest bar, so that it can be seen."""
_NICE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45)
_DAYS = (1, 1.5, 2, 3, 4, 6, 8, 12, 18, 24)


@dataclass(frozen=True)
class Lane:
    """One step on one target, from when to when."""

    label: str
    host: str
    outcome: str
    x: int
    width: int
    seconds: float


@dataclass(frozen=True)
class Mark:
    """A moment that counts: a target cut off, or that proved."""

    kind: str
    target: str
    x: int
    seconds: float


@dataclass(frozen=True)
class Chart:
    """All of it; `part` is the length of each quarter in seconds."""

    part: float
    lanes: tuple[Lane, ...]
    left_out: int
    marks: tuple[Mark, ...]


def chart(report: Report) -> Chart | None:
    """Draw a run from its start to the end of its last step; None where no step began.

    A step that broke off ends with the last that is known of the run.
    """
    if report.incident:
        return _incident(report)
    begun = [(step, step.started) for step in report.steps if step.started]
    if not begun:
        return None
    known = report.finished or report.timeline[-1].at
    now = report.as_of if report.state == "running" else known
    end = max(step.finished or now for step, _ in begun)
    part = nice((end - report.started).total_seconds() / PARTS)

    def place(moment: datetime) -> int:
        return min(WIDTH, max(0, round((moment - report.started).total_seconds() / (part * PARTS) * WIDTH)))

    def lanes() -> Iterator[Lane]:
        for step, since in begun[:LANES]:
            till = max(since, step.finished or now)
            width = max(_LEAST, place(till) - place(since))
            x = min(place(since), WIDTH - width)
            yield Lane(step.name, step.host, step.outcome, x, width, (till - since).total_seconds())

    def marks() -> Iterator[Mark]:
        for each in report.containment:
            for kind, moment in (("cut", each.cut_at), ("proof", each.proved_at)):
                if moment and report.started <= moment <= end:
                    yield Mark(kind, each.target, place(moment), (moment - report.started).total_seconds())

    return Chart(part, tuple(lanes()), max(0, len(begun) - LANES), tuple(marks()))


def _incident(report: Report) -> Chart:
    """Draw an incident: a lane for each run, and one for each step of which something was, or is, in force."""
    now = report.as_of
    bars: list[tuple[str, str, str, datetime, datetime]] = [
        (run.title, run.run, run.state, run.started, run.finished or now) for run in report.runs
    ]
    names = {(c.run, c.step, c.target): s.name for s in report.steps for c in report.changes if c.number in s.changes}
    for key, name in names.items():
        mine = [c for c in report.changes if (c.run, c.step, c.target) == key and c.made]
        if mine:
            till = max(c.undone or (min(c.ends, now) if c.ends else now) for c in mine)
            state = "changed" if any(c.in_force for c in mine) else "skipped"
            bars.append((name, mine[0].host, state, min(c.made for c in mine if c.made), till))
    end = max(till for *_, till in bars)
    part = nice((end - report.started).total_seconds() / PARTS)

    def place(moment: datetime) -> int:
        return min(WIDTH, max(0, round((moment - report.started).total_seconds() / (part * PARTS) * WIDTH)))

    lanes = []
    for label, host, outcome, since, till in bars[:LANES]:
        width = max(_LEAST, place(till) - place(since))
        seconds = (till - since).total_seconds()
        lanes.append(
            Lane(label, host, _AS_OUTCOME.get(outcome, outcome), min(place(since), WIDTH - width), width, seconds)
        )
    moments = [(t.kind, t.target, t.seconds) for t in report.times if t.kind in {"cut", "lifted"}]
    marks = [Mark(kind, target, round(s / (part * PARTS) * WIDTH), s) for kind, target, s in moments]
    return Chart(part, tuple(lanes), max(0, len(bars) - LANES), tuple(marks))


def nice(seconds: float) -> float:
    """Give the next length at or above this one that people count in."""
    for unit, lengths in ((0.1, _NICE), (1, _NICE), (60, _NICE), (3600, _DAYS)):
        for length in lengths:
            if length * unit >= seconds:
                return length * unit
    days = -(-seconds // 86400)
    return float(days * 86400)
