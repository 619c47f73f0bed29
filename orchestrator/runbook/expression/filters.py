"""The filters of expressions: a closed set of pure functions.

Input and output of a filter are charged to the budget. `ROOM` predicts the output of a filter able to enlarge its
input; the output of every other filter is at most a small multiple of the input.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from stopgap.orchestrator.runbook.expression.text import as_text
from stopgap.orchestrator.runbook.expression.view import Missing, identifier

_DIRECTIVE = re.compile(r"%(?:%|[-+ 0#]{0,5}[0-9]{0,3}(?:\.[0-9]{1,2})?[sdiuxXofFeEgG])|%")
_WIDEST = 1000
"""Most characters added by a directive's width and precision."""
_DIGITS = 17
"""Most digits after the point in `round`, as many as in a float."""


def items_of(value: Any) -> list[Any]:  # noqa: ANN401
    """Return the items for a loop or filter: list items, keys of a mapping, characters of a text."""
    if isinstance(value, (list, tuple, str, Mapping)):
        return list(value)
    raise TypeError("this is no list")


def field_of(value: Any, path: str | int) -> Any:  # noqa: ANN401
    """Return the field or item at a path such as `address` or `a.0`; Missing without a match."""
    for part in path.split(".") if isinstance(path, str) else (path,):
        try:
            value = value[int(part) if str(part).isdigit() and isinstance(value, (list, tuple)) else part]
        except (KeyError, IndexError, TypeError):
            return Missing(f"there is no {identifier(str(part))!r}")
    return value


def _default(value: Any, other: Any = "", boolean: bool = False) -> Any:  # noqa: ANN401
    return other if isinstance(value, Missing) or (boolean and not value) else value


def _key(case_sensitive: bool, attribute: str | int | None) -> Callable[[Any], Any]:
    def key(item: Any) -> Any:  # noqa: ANN401
        found = item if attribute is None else field_of(item, attribute)
        if isinstance(found, Missing):
            raise TypeError(found.reason)
        return found.lower() if isinstance(found, str) and not case_sensitive else found

    return key


def _sort(value: Any, reverse: bool = False, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:  # noqa: ANN401
    return sorted(items_of(value), key=_key(case_sensitive, attribute), reverse=reverse)


def _unique(value: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:  # noqa: ANN401
    first: dict[Any, Any] = {}
    key = _key(case_sensitive, attribute)
    for item in items_of(value):
        first.setdefault(key(item), item)
    return list(first.values())


def _join(value: Any, separator: Any = "", attribute: Any = None) -> str:  # noqa: ANN401
    key = _key(True, attribute)
    return as_text(separator).join(as_text(key(item)) for item in items_of(value))


def _first(value: Any, place: int = 0) -> Any:  # noqa: ANN401
    items = items_of(value)
    return items[place] if items else Missing("the list is empty")


def _integer(value: Any, default: Any = 0, base: int = 10) -> Any:  # noqa: ANN401
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _float(value: Any, default: Any = 0.0) -> Any:  # noqa: ANN401
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _round(value: Any, precision: int = 0, method: str = "common") -> float:  # noqa: ANN401
    import math  # noqa: PLC0415

    if not -_DIGITS <= precision <= _DIGITS:
        raise ValueError(f"round takes at most {_DIGITS} digits")
    if method == "common":
        return float(round(value, precision))
    whole = {"ceil": math.ceil, "floor": math.floor}.get(method)
    if whole is None:
        raise ValueError("the methods of round are common, ceil and floor")
    return float(whole(value * 10**precision) / 10**precision)


def _indent(value: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:  # noqa: ANN401
    margin = width if isinstance(width, str) else " " * width
    lines = as_text(value).split("\n")
    shifted = [margin + line if (line or blank) else line for line in lines]
    return "\n".join([shifted[0] if first else lines[0], *shifted[1:]])


def _format(value: Any, *words: Any) -> str:  # noqa: ANN401
    if "%" in _DIRECTIVE.findall(as_text(value)):
        raise ValueError("format takes directives such as %s, %5d and %.2f")
    return as_text(value) % words


def _truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5) -> str:  # noqa: ANN401
    text = as_text(value)
    if len(text) <= length + leeway or length < len(end):
        return text
    cut = text[: length - len(end)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def _sum(value: Any, attribute: Any = None, start: Any = 0) -> Any:  # noqa: ANN401
    numbers = [_key(True, attribute)(item) for item in items_of(value)]
    if not all(isinstance(number, (int, float)) for number in [start, *numbers]):
        raise TypeError("sum takes numbers")
    return sum(numbers, start)


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "abs": abs,
        "capitalize": lambda value: as_text(value).capitalize(),
        "center": lambda value, width=80: as_text(value).center(width),
        "count": lambda value: len(items_of(value)),
        "d": _default,
        "default": _default,
        "dictsort": lambda value: [list(pair) for pair in sorted(value.items())],
        "e": lambda value: html.escape(as_text(value)),
        "escape": lambda value: html.escape(as_text(value)),
        "first": _first,
        "float": _float,
        "format": _format,
        "indent": _indent,
        "int": _integer,
        "items": lambda value: [list(pair) for pair in value.items()],
        "join": _join,
        "last": lambda value: _first(value, -1),
        "length": lambda value: len(items_of(value)),
        "list": items_of,
        "lower": lambda value: as_text(value).lower(),
        "max": lambda value, attribute=None: max(items_of(value), key=_key(False, attribute)),
        "min": lambda value, attribute=None: min(items_of(value), key=_key(False, attribute)),
        "replace": lambda value, old, new, count=-1: as_text(value).replace(as_text(old), as_text(new), count),
        "reverse": lambda value: value[::-1] if isinstance(value, str) else items_of(value)[::-1],
        "round": _round,
        "sort": _sort,
        "string": as_text,
        "sum": _sum,
        "title": lambda value: as_text(value).title(),
        "tojson": lambda value: json.dumps(value, ensure_ascii=False, default=as_text),
        "trim": lambda value, characters=None: as_text(value).strip(characters),
        "truncate": _truncate,
        "unique": _unique,
        "upper": lambda value: as_text(value).upper(),
        "urlencode": lambda value: quote(as_text(value), safe="/"),
        "wordcount": lambda value: len(as_text(value).split()),
        # Filters with an inner filter or test are applied by the evaluation itself.
        "map": items_of,
        "reject": items_of,
        "rejectattr": items_of,
        "select": items_of,
        "selectattr": items_of,
    }
)
MEETS_MISSING = frozenset({"d", "default"})
"""Filters with support for a missing value."""
EACH = frozenset({"map", "reject", "rejectattr", "select", "selectattr"})
"""Filters with an inner filter, test or field name for each item."""


def _joined(value: Any, separator: Any = "", attribute: Any = None) -> int:  # noqa: ANN401
    return len(as_text(separator)) * len(items_of(value))


def _replaced(value: Any, old: Any, new: Any, count: int = -1) -> int:  # noqa: ANN401
    text, old = as_text(value), as_text(old)
    times = text.count(old)
    return (min(times, count) if count >= 0 else times) * len(as_text(new))


def _indented(value: Any, width: int | str = 4, *_: Any, **__: Any) -> int:  # noqa: ANN401
    return (as_text(value).count("\n") + 1) * (len(width) if isinstance(width, str) else max(0, width))


def _formatted(value: Any, *_: Any) -> int:  # noqa: ANN401
    return _WIDEST * as_text(value).count("%")


ROOM: Mapping[str, Callable[..., int]] = MappingProxyType(
    {
        "center": lambda _, width=80: max(0, width),
        "format": _formatted,
        "indent": _indented,
        "join": _joined,
        "replace": _replaced,
    }
)
"""Most characters produced by a filter beyond its input, by the filter's arguments."""
