"""What an expression sees of the engine's values: names and their values, and nothing of Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class View:
    """Names and their values, as a template sees them: `view.name` and `view['name']`.

    A name with `-` or `.` is also there with `_` in its place, since `steps.cut-off` would subtract. `show` turns
    a value into what the template gets.
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
    """A name, field or item that has no value: `is defined` and `default` alone may meet it."""

    reason: str
    hint: str | None = None


def identifier(name: str) -> str:
    """Give a name as an expression can write it after a dot."""
    return name.replace("-", "_").replace(".", "_")
