"""Limits on the length of a printed report; only the JSON form is complete. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stopgap.orchestrator.outcome import EXPECTED
from stopgap.orchestrator.report.model import Event, OpenPoint, Report, ReportChange, ReportCheck, ReportStep

SHOWN = 200
"""Of each list; what went wrong is kept before what went well."""

LONGEST = 2000
"""Characters of one text; the JSON form has the rest."""

T = TypeVar("T")


def excerpt(report: Report) -> tuple[Report, dict[str, int]]:
    """Return the report with long lists cut, order kept, and the number of omitted entries by field."""
    changes = _cut(report.changes, _change_matters)
    shown = {change.number for change in changes}
    lists: dict[str, tuple[Any, ...]] = {
        "steps": _cut(report.steps, _step_matters),
        "changes": changes,
        "undo_order": tuple(number for number in report.undo_order if number in shown),
        "checks": _cut(report.checks, _check_matters),
        "open": _cut(report.open, _point_matters),
        "not_covered": report.not_covered[:SHOWN],
        "evidence": report.evidence[:SHOWN],
        "findings": report.findings[:SHOWN],
        "answers": report.answers[:SHOWN],
        "lessons": report.lessons[:SHOWN],
        "rotate": report.rotate[:SHOWN],
        "times": report.times[:SHOWN],
        "hosts": report.hosts[:SHOWN],
        "timeline": _cut(report.timeline, _event_matters),
    }
    left_out = {name: len(getattr(report, name)) - len(kept) for name, kept in lists.items()}
    return report.model_copy(update=lists), left_out


def clipped(value: Any) -> Any:  # noqa: ANN401
    """Give a report's fields with every text cut at LONGEST."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    if isinstance(value, Mapping):
        return {key: clipped(item) for key, item in value.items()}
    return [clipped(item) for item in value] if isinstance(value, list | tuple) else value


def _cut(items: tuple[T, ...], matters: Callable[[T], bool]) -> tuple[T, ...]:
    if len(items) <= SHOWN:
        return items
    ranked = sorted(range(len(items)), key=lambda place: not matters(items[place]))
    return tuple(items[place] for place in sorted(ranked[:SHOWN]))


def _step_matters(step: ReportStep) -> bool:
    return step.outcome not in EXPECTED


def _change_matters(change: ReportChange) -> bool:
    return change.state not in {"done", "undone", "not-run"}


def _check_matters(check: ReportCheck) -> bool:
    return not check.holds


def _point_matters(point: OpenPoint) -> bool:
    return point.kind != "check-unseen"


def _event_matters(event: Event) -> bool:
    return event.kind not in {"check", "message", "change"} or event.result not in {"holds", "sent", "done"}
