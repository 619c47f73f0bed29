"""The tests of expressions, such as `is defined`: a closed set of pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from stopgap.orchestrator.runbook.expression.view import Missing


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
}
_ALSO = {
    "==": "eq", "equalto": "eq", "!=": "ne", "<": "lt", "lessthan": "lt", "<=": "le", ">": "gt", "greaterthan": "gt",
    ">=": "ge",
}  # fmt: skip

MEETS_MISSING = frozenset({"defined", "undefined"})
"""Tests with support for a missing value."""

TESTS: Mapping[str, Callable[..., bool]] = MappingProxyType(
    {
        **_COMPARISONS,
        **{other: _COMPARISONS[name] for other, name in _ALSO.items()},
        "defined": lambda value: not isinstance(value, Missing),
        "undefined": lambda value: isinstance(value, Missing),
        "none": lambda value: value is None,
        "true": lambda value: value is True,
        "false": lambda value: value is False,
        "boolean": lambda value: isinstance(value, bool),
        "number": _number,
        "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
        "float": lambda value: isinstance(value, float),
        "string": lambda value: isinstance(value, str),
        "mapping": lambda value: isinstance(value, Mapping),
        "sequence": lambda value: isinstance(value, (str, list, tuple, Mapping)),
        "iterable": lambda value: isinstance(value, (str, list, tuple, Mapping)),
        "even": lambda value: value % 2 == 0 if _number(value) else False,
        "odd": lambda value: value % 2 == 1 if _number(value) else False,
        "divisibleby": lambda value, number: value % number == 0 if _number(value) else False,
        "lower": lambda value: str(value).islower(),
        "upper": lambda value: str(value).isupper(),
        "in": lambda value, seq: value in seq,
    }
)
