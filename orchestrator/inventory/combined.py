"""A document made of one or several inventories, with every part at the position in its own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stopgap.orchestrator.source import Loc, Located, Position

TOP: Loc = ()


@dataclass(frozen=True)
class Generated(Located):
    """Text that was generated from another tool's inventory: a problem names the source and the host, not a line."""

    def place(self, known: Loc, *, at_key: bool, pointing_at: str) -> tuple[str, Position | None]:
        """Return the option of the inventory, with the host or group of the value."""
        return f"-i {self.path}" + (f": {known[1]}" if len(known) > 1 else ""), None


@dataclass(frozen=True)
class Origin:
    """Where a value comes from."""

    document: Located
    loc: Loc

    def __str__(self) -> str:
        """Return the place as `FILE:LINE:COLUMN`, or the option of another tool's inventory."""
        source, position = self.document.place(self.document.known(self.loc), at_key=True, pointing_at="")
        return f"{source}:{position}" if position else source


@dataclass(frozen=True)
class Combined(Located):
    """An inventory put together from parts of other documents."""

    origins: Mapping[Loc, Origin] = field(default_factory=dict)

    def place(self, known: Loc, *, at_key: bool, pointing_at: str) -> tuple[str, Position | None]:
        """Return the position in the file of the value."""
        origin = self.origins[known]
        return origin.document.place(origin.document.known(origin.loc), at_key=at_key, pointing_at=pointing_at)


class Builder:
    """Collects the parts of a combined document."""

    def __init__(self, first: Located) -> None:
        self._first = first
        self._origins: dict[Loc, Origin] = {}
        for loc in (TOP, ("defaults",), ("hosts",), ("groups",)):
            self._origins[loc] = Origin(first, loc)

    def put(self, loc: Loc, value: object, origin: Origin) -> None:
        """Note the origin of a value and of every part of the value."""
        self._origins[loc] = origin
        inner: Mapping[Any, object] | None = None
        if isinstance(value, dict):
            inner = value
        elif isinstance(value, list):
            inner = dict(enumerate(value))
        for part, item in (inner or {}).items():
            self.put((*loc, part), item, Origin(origin.document, (*origin.loc, part)))

    def document(self, path: str, text: str, data: dict[str, Any]) -> Combined:
        """Return the document of all parts."""
        values, keys = {}, {}
        for loc, origin in self._origins.items():
            known = origin.document.known(origin.loc)
            values[loc] = origin.document.values[known]
            if known in origin.document.keys:
                keys[loc] = origin.document.keys[known]
        return Combined(path, text, data, values, keys, self._origins)
