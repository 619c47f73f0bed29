"""The run drawn to scale: a lane for each step, bars in thousandths of the width, four equal parts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.report.model import Report

WIDTH = 1000
PARTS = 4
LANES = 40
"""More steps than these are a table's business, not a drawing's."""
LEAST = 4
"""Width of the shortest bar, so that it can be seen."""
_NICE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45)
_DAYS = (1, 1.5, 2, 3, 4, 6, 8, 12, 18, 24)


@dataclass(frozen=True)
class Lane:
    """A step on a target, with begin and end."""

    label: str
    host: str
    outcome: str
    x: int
    width: int
    seconds: float


@dataclass(frozen=True)
class Mark:
    """A marked moment: a target cut off, or the proof of the cut."""

    kind: str
    target: str
    x: int
    seconds: float


@dataclass(frozen=True)
class Chart:
    """The chart of a run; `part` is the length of a quarter in seconds."""

    part: float
    lanes: tuple[Lane, ...]
    left_out: int
    marks: tuple[Mark, ...]


def chart(report: Report) -> Chart | None:
    """Return the chart of a run, from the start to the end of the last step; None if no step began.

    An interrupted step ends with the last known moment of the run.
    """
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
            width = max(LEAST, place(till) - place(since))
            x = min(place(since), WIDTH - width)
            yield Lane(step.name, step.host, step.outcome, x, width, (till - since).total_seconds())

    def marks() -> Iterator[Mark]:
        for each in report.containment:
            for kind, moment in (("cut", each.cut_at), ("proof", each.proved_at)):
                if moment and report.started <= moment <= end:
                    yield Mark(kind, each.target, place(moment), (moment - report.started).total_seconds())

    return Chart(part, tuple(lanes()), max(0, len(begun) - LANES), tuple(marks()))


def nice(seconds: float) -> float:
    """Return the next round length in seconds, at or above `seconds`."""
    for unit, lengths in ((0.1, _NICE), (1, _NICE), (60, _NICE), (3600, _DAYS)):
        for length in lengths:
            if length * unit >= seconds:
                return length * unit
    days = -(-seconds // 86400)
    return float(days * 86400)
