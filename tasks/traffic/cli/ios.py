"""Cisco IOS and IOS-XE: access lists, changed under a revert timer if the device has a configuration archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import ClassVar

from stopgap.orchestrator.change import Entry, Witness
from stopgap.orchestrator.facts import ShownFact
from stopgap.orchestrator.host import Cli, Network
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.cli.acl import AccessLists
from stopgap.tasks.traffic.cli.slot import Placed, SlotDriver
from stopgap.tasks.traffic.driver import Block

_ARCHIVE = "show archive"
_NULL_ROUTES = "show running-config | include Null0 tag 666"
_NEEDS_ARCHIVE = tr("give it an archive: archive, path flash:archive")


class Ios(AccessLists):
    """IOS 15 and IOS-XE."""

    name: ClassVar[str] = "ios"
    cli: ClassVar[Cli] = "ios"
    capabilities: ClassVar[Capabilities] = Capabilities(exception=True, commit_confirm=True)
    commands: ClassVar[tuple[str, ...]] = (
        "show ip access-lists STOPGAP-IN",
        "show ip access-lists STOPGAP-OUT",
        "show ipv6 access-list STOPGAP6-IN",
        "show ipv6 access-list STOPGAP6-OUT",
        _ARCHIVE,
    )
    healing_needs: ClassVar[str] = _NEEDS_ARCHIVE

    def heals(self, shown: ShownFact) -> bool:
        """Return True if the device has a configuration archive to revert to."""
        return has_archive(shown)

    def show(self, version: int, name: str) -> str:
        """Return the show command of IOS: plural for IPv4 only."""
        return f"show {'ip access-lists' if version == 4 else 'ipv6 access-list'} {name}"

    def enter(self, version: int, name: str) -> str:
        """Enter a list."""
        return f"ip access-list extended {name}" if version == 4 else f"ipv6 access-list {name}"

    def numbered(self, version: int, number: int, rule: str) -> tuple[str, str, str]:
        """Return put, take and seen lines with a sequence number in the family's syntax."""
        if version == 4:
            return f"{number} {rule}", f"no {number}", f"{number} {rule}"
        return f"sequence {number} {rule}", f"no sequence {number}", f"{rule} sequence {number}"

    def written(self, network: Network) -> str:
        """Write an IPv4 network with a wildcard mask."""
        if network.prefixlen == network.max_prefixlen:
            return f"host {network.network_address}"
        if isinstance(network, IPv4Network):
            return f"{network.network_address} {network.hostmask}"
        return str(network)


class IosNull0(SlotDriver):
    """Cisco IOS without access lists: routes to Null0 with tag 666, a one-way block without exceptions."""

    name: ClassVar[str] = "ios-null0"
    cli: ClassVar[Cli] = "ios"
    capabilities: ClassVar[Capabilities] = Capabilities(directions=("to",), commit_confirm=True)
    commands: ClassVar[tuple[str, ...]] = (_NULL_ROUTES, _ARCHIVE)
    healing_needs: ClassVar[str] = _NEEDS_ARCHIVE

    def heals(self, shown: ShownFact) -> bool:
        """Return True if the device has a configuration archive to revert to."""
        return has_archive(shown)

    def lacks(self, block: Block, shown: ShownFact) -> Iterator[str]:
        """Need nothing of the owner's."""
        yield from ()

    def witnesses(self, block: Block) -> tuple[Witness, ...]:
        """Return witnesses: only Null0 routes with tag 666, possibly empty, and a line on the archive, enabled or
        not.
        """
        routes = r"ipv?6? route .+ Null0\b.* tag 666(?: .*)?"
        return Witness(show=_NULL_ROUTES, only=routes), Witness(
            show=_ARCHIVE, always=(r"(?:The maximum )?archive .*",)
        )

    def entries(self, block: Block, shown: ShownFact) -> list[Placed]:
        """Give a route an address."""
        routes = [_route(network) for network in block.addresses]
        return [Placed(Entry(show=_NULL_ROUTES, line=r, seen=re.escape(r)), r, f"no {r}") for r in routes]


def has_archive(shown: ShownFact) -> bool:
    """Return True if the device keeps configuration archives."""
    lines = shown.lines(_ARCHIVE)
    return any("archive" in line.lower() for line in lines) and not any("not enabled" in line for line in lines)


def _route(network: Network) -> str:
    if isinstance(network, IPv4Network):
        return f"ip route {network.network_address} {network.netmask} Null0 tag 666"
    return f"ipv6 route {network} Null0 tag 666"
