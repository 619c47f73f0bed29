"""Durations in an operator's notation, always with units: 90s, 30m, 1h30m, 72h, 3d, 2w, 500ms.

A bare number is refused as a duration, since the unit would be a guess. ISO 8601 has units too: PT72H is accepted in
the notation of other tools, without years, months and fractions.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from stopgap.orchestrator.source.problem import Unfit, quoted
from stopgap.orchestrator.text import tr

EXPECTED = tr("a duration, such as 90s, 30m, 1h30m, 72h or 3d")
PATTERN = r"^(?=[0-9])([0-9]{1,6}w)?([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
_ISO = (
    r"P(?=[0-9T])(?:([0-9]{1,6})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})S)?)?"
)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_WORDS = {
    "w": "w|weeks?", "d": "d|days?|日", "h": "h|hrs?|hours?|時間", "m": "m|mins?|minutes?|分",
    "s": "s|secs?|seconds?|秒", "ms": "ms|milliseconds?|ミリ秒",
}  # fmt: skip
_LONGEST = timedelta(days=3660)


def parse_duration(text: str) -> timedelta:
    """Parse a duration: whole numbers with w, d, h, m, s, ms, in descending order, or ISO 8601.

    Raises Unfit for other text, for a bare number, for a zero length, and for more than ten years.

    >>> format_duration(parse_duration("1h30m"))
    '1h30m'
    """
    match = re.fullmatch(PATTERN.rstrip("$"), text)
    if match:
        parts = {
            unit: int(part.rstrip("wdhms"))
            for unit, part in zip(_UNITS.values(), match.groups(), strict=True)
            if part
        }
    elif match := re.fullmatch(_ISO, text):
        parts = {unit: int(part) for unit, part in zip(_UNITS.values(), match.groups(), strict=False) if part}
    elif re.fullmatch(r"[-+]?[0-9.]+", text):
        raise _without_unit(text)
    else:
        raise Unfit(tr("{text} is no duration", text=quoted(text)), EXPECTED, _meant(text))
    duration = timedelta(**parts)
    if not timedelta(0) < duration <= _LONGEST:
        raise Unfit(tr("{text} is out of range", text=quoted(text)), tr("more than nothing and at most ten years"))
    return duration


def format_duration(duration: timedelta) -> str:
    """Return a duration in parseable notation: hours, minutes, seconds and milliseconds.

    >>> format_duration(timedelta(hours=72))
    '72h'
    """
    seconds, rest = divmod(duration, timedelta(seconds=1))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    numbers = ((hours, "h"), (minutes, "m"), (seconds, "s"), (rest // timedelta(milliseconds=1), "ms"))
    return "".join(f"{number}{unit}" for number, unit in numbers if number) or "0s"


def read_duration(value: object) -> timedelta:
    """Parse a duration from a value of YAML or JSON; raises Unfit, as `parse_duration` does."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise _without_unit(str(value))
    if not isinstance(value, str):
        raise Unfit(tr("this is no duration") if value is not None else tr("a duration has no value"), EXPECTED)
    return parse_duration(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": PATTERN}),
]
"""The type of every duration in a file or an option; bounds follow as in `Field(ge=timedelta(seconds=1))`."""


def _without_unit(number: str) -> Unfit:
    units = (
        " or ".join(tr("{number}{unit} for {units}", number=number, unit=unit, units=_UNITS[unit]) for unit in "smhd")
        if number.isdigit()
        else None
    )
    return Unfit(
        tr("the duration {number} has no unit", number=number), EXPECTED, units and tr("write {units}", units=units)
    )


def _meant(text: str) -> str | None:
    """Return the hint for a duration in another notation, such as `72 hours`, `72H` or full-width `７２ｈ`."""
    plain = unicodedata.normalize("NFKC", text[:100]).strip().lower()
    written, rest = "", plain
    for unit, words in _WORDS.items():
        if found := re.match(rf"([0-9]{{1,6}})\s*(?:{words})(?![a-z])[\s,]*", rest):
            written, rest = f"{written}{found[1]}{unit}", rest[found.end() :]
    return tr("did you mean {written}?", written=written) if written and not rest else None
