"""Tables: what parsers make of a collection's items, a row at a time, for rules to match.

A parser takes whatever a host sent: it passes over what it cannot read, raises nothing, and holds no more than
MOST_KEYS things in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import NamedTuple, TypeAlias

from stopgap.orchestrator.evidence.reader import CollectionReader

Value: TypeAlias = str | int | float | bool
Fields: TypeAlias = dict[str, Value]
MOST_KEYS = 1_000_000
"""Of anything that has to be remembered while the rest is read."""
FEW_KEYS = 100_000
"""Of what takes more room."""


class Place(NamedTuple):
    """Where a row was read."""

    artifact: str
    line: int | None = None
    member: str = ""
    offset: int | None = None


class Row(NamedTuple):
    """One thing, described in fields."""

    fields: Mapping[str, Value]
    place: Place
    time: float = 0.0
    """When it came to be, by the host's clock, in seconds since the epoch; 0 where that is not known."""


Read: TypeAlias = Callable[[CollectionReader], Iterator[Row]]


@dataclass(frozen=True)
class Table:
    """A parser with what it reads and gives."""

    name: str
    about: str
    reads: tuple[str, ...]
    """Artifacts without which it has no rows."""
    also: tuple[str, ...]
    """Artifacts that it makes use of."""
    fields: Mapping[str, str]
    """Field → what it holds."""
    read: Read = field(repr=False)
    beside: tuple[str, ...] = ()
    """Artifacts of another collection of the same run and target, without which it cannot say anything."""


_TABLES: dict[str, Table] = {}


def table(
    name: str, reads: str, fields: Mapping[str, str], *, also: str = "", beside: str = ""
) -> Callable[[Read], Read]:
    """Make a function a table; its docstring's first line is what the table is about."""

    def register(read: Read) -> Read:
        about = (read.__doc__ or "").partition("\n")[0]
        needed, used, elsewhere = (tuple(text.split()) for text in (reads, also, beside))
        _TABLES[name] = Table(name, about, needed, used, dict(fields), read, elsewhere)
        return read

    return register


def tables() -> Mapping[str, Table]:
    """Give every table by name."""
    import_module("stopgap.orchestrator.findings.tables")  # its modules register themselves
    return _TABLES
