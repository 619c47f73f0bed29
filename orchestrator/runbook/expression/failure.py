"""The error of an expression or template."""

from __future__ import annotations

import re


class ExpressionError(ValueError):
    """An expression or template is wrong, or has no value.

    The message gives the reason; `hint` may name the nearest match.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def first_line(error: Exception) -> str:
    """Return the first line of an exception's message, worded for a runbook's author."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, OverflowError):
        return "the number is too large, or none"
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    if "integer string conversion" in text:  # Python's own limit, sys.set_int_max_str_digits().
        return "a number has too many digits"
    line = text.splitlines()[0].rstrip(".").replace("end of print statement", "}}")
    line = re.sub(r"^[\w.<>]+\(\) (?=got|missing|takes)", "this filter or method ", line)
    return re.sub("^'[a-zA-Z_.]+ object' has no (attribute|element)", "there is no", line)
