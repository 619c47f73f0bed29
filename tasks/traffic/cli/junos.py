"""Junos: prefix lists, discarded by the first terms of the owner's filters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from stopgap.orchestrator.change import Entry, Witness
from stopgap.orchestrator.facts import ShownFact
from stopgap.orchestrator.host import Cli
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.cli.lists import members, names
from stopgap.tasks.traffic.cli.slot import Placed, SlotDriver
from stopgap.tasks.traffic.driver import Block

_LISTS = "show configuration policy-options | display set"
_FILTERS = "show configuration firewall | display set"


class Junos(SlotDriver):
    """Junos with stateless filters (MX, EX, QFX, PTX); an SRX may pass known flows around stateless filters."""

    name: ClassVar[str] = "junos"
    cli: ClassVar[Cli] = "junos"
    capabilities: ClassVar[Capabilities] = Capabilities(exception=True, commit_confirm=True, persist=True)
    commands: ClassVar[tuple[str, ...]] = (_LISTS, _FILTERS)

    def lacks(self, block: Block, shown: ShownFact) -> Iterator[str]:
        """Yield missing lists, and missing terms to discard each direction; a list in use must never be empty."""
        lists = shown.lines(_LISTS)
        for name in names(block):
            if not any(re.match(rf"set policy-options prefix-list {name} \S", line) for line in lists):
                yield tr("no prefix-list {name} with at least one placeholder in it", name=name)
            elif not name.endswith("-ALLOW"):
                for side in ("source", "destination"):
                    if not _discards(name, side, shown):
                        yield tr("no filter term that discards by {side}-prefix-list {name}", side=side, name=name)

    def witnesses(self, block: Block) -> tuple[Witness, ...]:
        """Return witnesses: a placeholder in each list, and the filters with the lists."""
        ours: dict[str, list[str]] = {name: [] for name in names(block)}
        for name, network in members(block):
            ours[name].append(re.escape(str(network)))
        placeholders = [
            rf"set policy-options prefix-list {name} (?!(?:{'|'.join(mine) or '-'})$)\S+"
            for name, mine in ours.items()
        ]
        terms = [
            rf"set firewall .* from {side}-prefix-list {name}"
            for name in ours
            if not name.endswith("-ALLOW")
            for side in ("source", "destination")
        ]
        return Witness(show=_LISTS, always=tuple(placeholders)), Witness(show=_FILTERS, always=tuple(terms))

    def entries(self, block: Block, shown: ShownFact) -> list[Placed]:
        """Give a line for each member of a list."""
        return [self._placed(f"policy-options prefix-list {name} {network}") for name, network in members(block)]

    def _placed(self, path: str) -> Placed:
        line = f"set {path}"
        return Placed(Entry(show=_LISTS, line=line, seen=re.escape(line)), line, f"delete {path}")


def _discards(name: str, side: str, shown: ShownFact) -> bool:
    lines = shown.lines(_FILTERS)
    terms = [
        found[1]
        for line in lines
        if (found := re.fullmatch(rf"set (firewall .* term \S+) from {side}-prefix-list {name}", line))
    ]
    return any(line.startswith(f"set {term} then discard") for term in terms for line in lines)
