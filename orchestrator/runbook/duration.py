"""Durations as an operator writes them: 90s, 30m, 1h30m, 72h, 3d, 2w."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from stopgap.orchestrator.source import Unfit, quoted

EXPECTED = "a duration, such as 90s, 30m, 1h30m, 72h or 3d"
PATTERN = r"^(?=[0-9])([0-9]{1,6}w)?([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_LONGEST = timedelta(days=3660)


def parse_duration(text: str) -> timedelta:
    """Read a duration: whole numbers with w, d, h, m, s, in this order; raises Unfit, also for none or ten years."""
    match = re.match(PATTERN, text)
    if not match or text.endswith("\n"):
        hint = f"did you mean {text}s?" if re.fullmatch("[0-9]{1,6}", text) else None
        raise Unfit(f"{quoted(text)} is no duration", EXPECTED, hint)
    parts = {unit: int(part[:-1]) for unit, part in zip(_UNITS, match.groups(), strict=True) if part}
    duration = timedelta(**parts)
    if not timedelta(0) < duration <= _LONGEST:
        raise Unfit(f"{quoted(text)} is out of range", "more than nothing and at most ten years")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration as it can be read again, in hours, minutes and seconds; parts of a second are dropped."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number]
    return "".join(parts) or "0s"


def _from_yaml(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    return parse_duration(value if isinstance(value, str) else str(value))


Duration = Annotated[timedelta, BeforeValidator(_from_yaml), WithJsonSchema({"type": "string", "pattern": PATTERN})]
