"""The operators of expressions, with a bound on the size of results."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from stopgap.orchestrator.runbook.expression.budget import ITEM, Budget
from stopgap.orchestrator.runbook.expression.failure import ExpressionError

_HIGHEST_POWER = 128
_NUMBERS = (int, float, Decimal)
_PLAIN = (*_NUMBERS, timedelta, date)
_SEQUENCES = (str, list, tuple)
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "eq": operator.eq,
        "ne": operator.ne,
        "lt": operator.lt,
        "lteq": operator.le,
        "gt": operator.gt,
        "gteq": operator.ge,
        "in": lambda item, items: item in items,
        "notin": lambda item, items: item not in items,
    }
)
ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "Add": operator.add,
        "Sub": operator.sub,
        "Mul": operator.mul,
        "Div": operator.truediv,
        "FloorDiv": operator.floordiv,
        "Mod": operator.mod,
        "Pow": operator.pow,
    }
)


def arithmetic(kind: str, left: Any, right: Any, budget: Budget) -> Any:  # noqa: ANN401
    """Apply an operator to two charged operands; the result of a repetition is charged in advance.

    Raises ExpressionError, and the exceptions of Python's operator.
    """
    if kind == "Mul" and isinstance(right, _SEQUENCES):
        left, right = right, left
    if kind == "Mul" and isinstance(left, _SEQUENCES) and isinstance(right, int):
        budget.spend(len(left) * max(0, right) * (1 if isinstance(left, str) else ITEM))
    elif kind == "Add" and isinstance(left, _SEQUENCES) and type(left) is type(right):
        pass  # No longer than the two charged operands together.
    elif not (isinstance(left, _PLAIN) and isinstance(right, _PLAIN)):
        hint = "`~` joins texts, `format` fills them" if isinstance(left, str) else None
        raise ExpressionError("this operator does not take these values", hint)
    elif kind == "Pow" and not (isinstance(right, _NUMBERS) and -_HIGHEST_POWER <= right <= _HIGHEST_POWER):
        raise ExpressionError("the power is too high", f"at most {_HIGHEST_POWER}")
    result = ARITHMETIC[kind](left, right)
    if not isinstance(result, (*_SEQUENCES, *_PLAIN)):
        raise ExpressionError("the result is not a real number")
    return result
