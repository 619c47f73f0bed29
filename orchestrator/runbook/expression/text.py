"""Values as text."""

from __future__ import annotations

from datetime import timedelta

from stopgap.orchestrator.duration import format_duration


def as_text(value: object) -> str:
    """Return a value as text in a person's notation: `72h`, `true`, `a, b`; empty for null.

    >>> as_text(timedelta(hours=72))
    '72h'
    """
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(map(as_text, value))
    return "" if value is None else str(value)
