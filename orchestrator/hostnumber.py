"""Parsers for numbers, timestamps and JSON from a host or a device: the size is bounded before any conversion.

Python's own parsers accept too much, and raise too much: `int()` accepts digits of every alphabet and raises past
4300 digits, `float()` accepts `nan` and `1e400`, `datetime` raises three kinds of errors. The parsers here return
`None` for refused input; `parse_json` raises ValueError, and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any, Final, Literal, NoReturn

from stopgap.orchestrator.text import tr

MOST_DIGITS: Final = 20
"""Decimal digits of the largest unsigned number of 64 bits, 18446744073709551615."""
MOST_SECONDS: Final = 253_402_300_799
"""Seconds since the epoch at the end of the year 9999, the last year of `datetime`."""
MOST_JSON: Final = 16 << 20
"""Most characters of a JSON document; in the worst case the parsed values take 40 times as many bytes."""
MOST_NESTED: Final = 64
"""Deepest nesting of lists and objects; deeper documents would exhaust a recursive function."""
_LONGEST_MOMENT = 40
_DIGITS = {8: re.compile("[0-7]+"), 10: re.compile("[0-9]+"), 16: re.compile("[0-9A-Fa-f]+")}
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_SCIENTIFIC = 40
"""Most characters of a JSON number with a fraction or an exponent."""


def parse_int(
    text: str | bytes, max_digits: int = MOST_DIGITS, *, base: Literal[8, 10, 16] = 10, signed: bool = False
) -> int | None:
    """Parse a whole number of ASCII digits.

    Args:
        text: the digits; no blank, underscore, prefix or digit of another alphabet.
        max_digits: most digits, leading zeros included.
        base: 8, 10 or 16.
        signed: accept a leading `+` or `-`.

    Returns: the number; `None` for any other text, and for more digits.

    >>> parse_int("0042")
    42
    >>> parse_int("4_2") is None
    True
    """
    if len(text) > max_digits + signed:
        return None
    word = text.decode("latin-1") if isinstance(text, bytes) else text
    digits = word[1:] if signed and word[:1] in {"+", "-"} else word
    if len(digits) > max_digits or not _DIGITS[base].fullmatch(digits):
        return None
    return int(word, base)


def parse_decimal(text: str | bytes, max_digits: int = MOST_DIGITS) -> float | None:
    """Parse a number such as `7`, `-1` or `1795400090.25`, without an exponent.

    Args:
        text: the number, in ASCII.
        max_digits: most characters, sign and point not counted.

    Returns: a finite number; `None` for any other text (`nan`, `inf`, `1e5`), and for more digits.

    >>> parse_decimal("1795400090.25")
    1795400090.25
    """
    if len(text) > max_digits + 2:
        return None
    word = text.decode("latin-1") if isinstance(text, bytes) else text
    return float(word) if _DECIMAL.fullmatch(word) else None


def parse_timestamp(text: str | bytes) -> float | None:
    """Parse seconds since the epoch, with or without a fraction; `None` for other text, or a year past 9999.

    >>> parse_timestamp("1795400090.25")
    1795400090.25
    """
    seconds = parse_decimal(text, 32)
    return seconds if seconds is not None and 0 <= seconds <= MOST_SECONDS else None


def to_moment(seconds: float) -> datetime | None:
    """Return seconds since the epoch as a UTC datetime; `None` before the epoch, past year 9999, or for no number.

    >>> str(to_moment(0))
    '1970-01-01 00:00:00+00:00'
    """
    if not (math.isfinite(seconds) and 0 <= seconds <= MOST_SECONDS):
        return None
    return datetime.fromtimestamp(seconds, UTC)


def parse_moment(text: str) -> datetime | None:
    """Parse ISO 8601, a comma in the fraction included; without a time zone, UTC is assumed.

    Returns: the datetime in UTC; `None` for other text, or outside the years of `datetime`.

    >>> str(parse_moment("2026-11-25T21:15:00+09:00"))
    '2026-11-25 12:15:00+00:00'
    """
    if len(text) > _LONGEST_MOMENT:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_json(text: str | bytes, most: int = MOST_JSON) -> Any:  # noqa: ANN401 (JSON is any of its kinds)
    """Parse a JSON document (RFC 8259).

    Args:
        text: the document; bytes must be UTF-8.
        most: most characters, or bytes.

    Returns: the result of `json.loads`; numbers are finite.

    Raises:
        ValueError: invalid JSON, more than `most`, nesting deeper than MOST_NESTED, or a number longer than
            MOST_DIGITS or not finite. No other exception is raised.

    >>> parse_json('{"pid": 7}')
    {'pid': 7}
    """
    if len(text) > most:
        raise ValueError(tr("longer than {most} bytes", most=most))
    word = text.decode("utf-8") if isinstance(text, bytes) else text
    try:
        document = json.loads(word, parse_int=_json_int, parse_float=_json_float, parse_constant=_no_number)
    except RecursionError:
        raise ValueError(tr("nested too deep")) from None
    if word.count("[") + word.count("{") > MOST_NESTED:
        _check_depth(document)
    return document


def _check_depth(document: object) -> None:
    """Raise ValueError for a document with too deep nesting; the walk is iterative, not recursive."""
    level = [document]
    for _ in range(MOST_NESTED):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(tr("nested too deep"))


def _json_int(text: str) -> int:
    number = parse_int(text, signed=True)
    return _no_number(text) if number is None else number


def _json_float(text: str) -> float:
    number = float(text) if len(text) <= _SCIENTIFIC else math.inf
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(tr("no number that can be: {text}", text=text[:MOST_DIGITS]))
