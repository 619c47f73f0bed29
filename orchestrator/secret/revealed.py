"""The secret values that this process knows, by reference."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

OPEN, CLOSE = "‹secret ", "›"
"""Around a reference, in place of its value."""
_values: dict[str, str] = {}
_revealing = threading.Lock()


def reveal(reference: str, fetch: Callable[[str], str]) -> str:
    """Return the value of a reference, fetched once for each process. Raises what `fetch` raises."""
    with _revealing:
        if reference not in _values:
            _values[reference] = fetch(reference)
        return _values[reference]


def revealed() -> Mapping[str, str]:
    """Return the secret values known to this process, by reference, for redaction."""
    return dict(_values)


def forget() -> None:
    """Drop every secret value; the next use fetches anew."""
    with _revealing:
        _values.clear()


def shown(reference: str) -> str:
    """Return what is shown in place of a value.

    >>> shown("env:TOKEN")
    '‹secret env:TOKEN›'
    """
    return f"{OPEN}{reference}{CLOSE}"
