"""The JSON Canonicalization Scheme (RFC 8785): equal values give equal bytes in every implementation."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

_MOST = 2**53


def canonical(value: Any) -> bytes:  # noqa: ANN401
    r"""Return the canonical bytes of a JSON value.

    Raises ValueError for a number that JSON cannot have, and for text with half of a character.

    >>> canonical({"€": 1e21, "b": [True, None], "a": "<\n>"}).decode()
    '{"a":"<\\n>","b":[true,null],"€":1e+21}'
    """
    return _text(value).encode("utf-8")


def _text(value: object) -> str:
    if isinstance(value, dict):
        entries = sorted(value.items(), key=lambda entry: entry[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_text(key)}:{_text(each)}" for key, each in entries) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MOST:
        return _number(float(value))
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _number(value: float) -> str:
    """Write a number as ECMAScript does (RFC 8785, 3.2.2.3): the shortest digits, `point` places before the point."""
    if not math.isfinite(value):
        raise ValueError(value)
    sign, whole, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, whole)).rstrip("0")
    point = len(whole) + int(exponent)
    if not digits:
        return "0"
    minus = "-" if sign else ""
    if len(digits) <= point <= 21:
        return f"{minus}{digits.ljust(point, '0')}"
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{minus}{digits[0]}{rest}e{point - 1:+d}"
