"""Until when a notice is due: hours, days or months, counted as the addressee counts."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stopgap.orchestrator.duties.closed_days import open_day
from stopgap.orchestrator.duties.model import Within
from stopgap.orchestrator.text import Text, date_text, tr, zoned_text


@dataclass(frozen=True)
class Due:
    """The end of a deadline."""

    at: datetime
    """The moment after which the notice is late; of a day, the midnight that ends the day."""
    day: date | None = None
    """The last day, where days are counted; None: `at` is exact."""
    soon: date | None = None
    """The shorter end of a range."""
    moved_from: date | None = None
    """The last day by count, where closed days have moved the end."""


def due(within: Within, known_at: datetime) -> Due:
    """Return the end of a deadline that began at a moment.

    >>> knowing = datetime.fromisoformat("2026-11-23T10:40+09:00")
    >>> due(Within(hours=72), knowing).at.isoformat()
    '2026-11-26T10:40:00+09:00'
    >>> due(Within(days=60, first_day=True, closed_days="japan"), knowing).day
    datetime.date(2027, 1, 21)
    """
    if within.hours is not None:
        return Due(known_at + timedelta(hours=within.hours))
    there = known_at.astimezone(ZoneInfo(within.zone)) if within.zone else known_at
    first = there.date()
    counted = _months_later(first, within.months) if within.months else _day(first, within.days or 0, within)
    last = open_day(counted) if within.closed_days == "japan" else counted
    return Due(
        at=datetime.combine(last + timedelta(days=1), time(), there.tzinfo),
        day=last,
        soon=_day(first, within.soon, within) if within.soon else None,
        moved_from=counted if counted != last else None,
    )


def due_text(end: Due | None) -> Text:
    """Return a deadline in words; of none, that the notice is due without delay."""
    if end is None:
        return tr("without delay")
    if end.day is None:
        return tr("by {moment}", moment=zoned_text(end.at))
    if end.soon:
        return tr("by {soon}, at the latest {day}", soon=date_text(end.soon), day=date_text(end.day))
    if end.moved_from:
        return tr(
            "by {day} (day by count: {counted}, closed)", day=date_text(end.day), counted=date_text(end.moved_from)
        )
    return tr("by {day}", day=date_text(end.day))


def _day(first: date, days: int, within: Within) -> date:
    return first + timedelta(days=days - within.first_day)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
