"""The engine's values as seen by an expression: names and values, and nothing of Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class View:
    """Names and values as seen by a template: `view.name` and `view['name']`.

    A name with `-` or `.` is also available with `_`, since `steps.cut-off` would subtract. `show` converts a value
    for the template.
    """

    __slots__ = ("_fields", "_show")

    def __init__(self, fields: Mapping[str, object], show: Callable[[Any], object] = lambda value: value) -> None:
        self._fields = fields
        self._show = show

    def __getitem__(self, name: object) -> object:
        for known in self._fields if name not in self._fields else (name,):
            if known == name or identifier(str(known)) == name:
                return self._show(self._fields[known])  # type: ignore[index]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._fields


@dataclass(frozen=True)
class Missing:
    """A name, field or item without a value: accepted by `is defined` and `default` only."""

    reason: str
    hint: str | None = None


def identifier(name: str) -> str:
    """Return a name as spelt in an expression after a dot.

    >>> identifier("cut-off")
    'cut_off'
    """
    return name.replace("-", "_").replace(".", "_")
