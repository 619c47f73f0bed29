"""VyOS: network groups, dropped by the owner's rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from stopgap.orchestrator.change import Entry, Witness
from stopgap.orchestrator.facts import ShownFact
from stopgap.orchestrator.host import Cli
from stopgap.orchestrator.task import Gap, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.cli.lists import members, names, versions
from stopgap.tasks.traffic.cli.slot import Placed, SlotDriver
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.router import RouterFacts

_FIREWALL = "show configuration commands | match firewall"
_MANAGEMENT = "show configuration commands | match config-management"
_SIDES = ("source", "destination")


class Vyos(SlotDriver):
    """VyOS from 1.4 on. Without `commit-confirm reload`, an unconfirmed change reboots the router: no rollback timer
    then.
    """

    name: ClassVar[str] = "vyos"
    cli: ClassVar[Cli] = "vyos"
    capabilities: ClassVar[Capabilities] = Capabilities(exception=True, commit_confirm=True)
    commands: ClassVar[tuple[str, ...]] = (_FIREWALL, _MANAGEMENT)
    healing_needs: ClassVar[str] = tr(
        "VyOS would reboot; let it reload: set system config-management commit-confirm reload"
    )

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on VyOS, whose shell would answer too."""
        return tr("VyOS, whose configuration makes its rules anew") if router.system.os == "vyos" else ""

    def heals(self, shown: ShownFact) -> bool:
        """Return True if the router reloads the configuration instead of rebooting."""
        return any(re.search(r"commit-confirm\b.*\breload\b", line) for line in shown.lines(_MANAGEMENT))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the block, and a gap if the owner's rules act too late for known flows."""
        yield from super().plan(block, facts)
        late = [v for v in versions(block) if not _drops(v, "prerouting raw", facts.shown or ShownFact())]
        if late:
            yield Gap(
                text=tr(
                    "IPv{late}: the router drops in `forward filter` alone, behind its state policy: flows from "
                    "before may live on",
                    late=" and IPv".join(map(str, late)),
                ),
                at_best="partly",
            )

    def lacks(self, block: Block, shown: ShownFact) -> Iterator[str]:
        """Yield missing groups, and missing drops for each direction."""
        lines = shown.lines(_FIREWALL)
        for name in names(block):
            if not any(line.startswith(f"set firewall group {_kind(name)} {name}") for line in lines):
                yield tr("no {name} {name2}", name=_kind(name), name2=name)
        for version in versions(block):
            if not any(_drops(version, place, shown) for place in ("prerouting raw", "forward filter")):
                yield tr("no rules that drop {version} as source and as destination", version=_base(version))

    def witnesses(self, block: Block) -> tuple[Witness, ...]:
        """Return witnesses: the rules with the groups, listed after the groups."""
        rules = tuple(
            rf"set firewall ipv{v} (?:prerouting raw|forward filter) rule [0-9]+ "
            rf"{side} group {_kind(_base(v))} '?{_base(v)}'?"
            for v in versions(block)
            for side in _SIDES
        )
        return (Witness(show=_FIREWALL, always=rules),)

    def entries(self, block: Block, shown: ShownFact) -> list[Placed]:
        """Give a line for each member of a group."""
        return [self._placed(f"firewall group {_kind(name)} {name} network", str(n)) for name, n in members(block)]

    def _placed(self, path: str, value: str) -> Placed:
        return Placed(
            Entry(
                show=_FIREWALL, line=f"set {path} '{value}'", seen=rf"set {re.escape(path)} '?{re.escape(value)}'?"
            ),
            f"set {path} {value}",
            f"delete {path} {value}",
        )


def _drops(version: int, place: str, shown: ShownFact) -> bool:
    """Return True if rules at this hook drop packets from and to the group."""
    rules: dict[str, set[str]] = {}
    for line in shown.lines(_FIREWALL):
        if found := re.fullmatch(rf"set firewall ipv{version if version == 6 else 4} {place} rule (\d+) (.*)", line):
            rules.setdefault(found[1], set()).add(found[2].replace("'", ""))
    group = f"group {_kind(_base(version))} {_base(version)}"
    dropping = [words for words in rules.values() if "action drop" in words and "disable" not in words]
    return all(any(f"{side} {group}" in words for words in dropping) for side in _SIDES)


def _base(version: int) -> str:
    return "STOPGAP" if version == 4 else "STOPGAP6"


def _kind(name: str) -> str:
    return "ipv6-network-group" if name.startswith("STOPGAP6") else "network-group"
