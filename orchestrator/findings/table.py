"""Tables: rows parsed from a collection's items, for rules to match.

A parser accepts any data from a host: unreadable parts are skipped, no exception is raised, and at most MOST_KEYS
entries are held in memory.
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
    """The place of a row in the evidence."""

    artifact: str
    line: int | None = None
    member: str = ""
    offset: int | None = None


class Row(NamedTuple):
    """A row: fields, place and time."""

    fields: Mapping[str, Value]
    place: Place
    time: float = 0.0
    """When it came to be, by the host's clock, in seconds since the epoch; 0 where that is not known."""


Read: TypeAlias = Callable[[CollectionReader], Iterator[Row]]


@dataclass(frozen=True)
class Table:
    """A table: a parser with inputs and fields."""

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
    unless: tuple[str, ...] = ()
    """Artifacts with any of which another table reads the same: this table is then left out."""


_TABLES: dict[str, Table] = {}


def table(
    name: str, reads: str, fields: Mapping[str, str], *, also: str = "", beside: str = "", unless: str = ""
) -> Callable[[Read], Read]:
    """Register a function as a table; the docstring's first line describes the table."""

    def register(read: Read) -> Read:
        about = (read.__doc__ or "").partition("\n")[0]
        needed, used, elsewhere, instead = (tuple(text.split()) for text in (reads, also, beside, unless))
        _TABLES[name] = Table(name, about, needed, used, dict(fields), read, elsewhere, instead)
        return read

    return register


def tables() -> Mapping[str, Table]:
    """Give every table by name."""
    import_module("stopgap.orchestrator.findings.tables")  # the modules of the package register tables
    return _TABLES
