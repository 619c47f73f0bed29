"""Arista EOS: access lists, changed in a configuration session with a commit timer."""

from __future__ import annotations

from typing import ClassVar

from stopgap.orchestrator.host import Cli, Network
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.cli.acl import AccessLists


class Eos(AccessLists):
    """EOS from 4.18 on."""

    name: ClassVar[str] = "eos"
    cli: ClassVar[Cli] = "eos"
    capabilities: ClassVar[Capabilities] = Capabilities(exception=True, commit_confirm=True)
    commands: ClassVar[tuple[str, ...]] = (
        "show ip access-lists STOPGAP-IN",
        "show ip access-lists STOPGAP-OUT",
        "show ipv6 access-lists STOPGAP6-IN",
        "show ipv6 access-lists STOPGAP6-OUT",
    )

    def enter(self, version: int, name: str) -> str:
        """Enter a list."""
        return f"{'ip' if version == 4 else 'ipv6'} access-list {name}"

    def numbered(self, version: int, number: int, rule: str) -> tuple[str, str, str]:
        """Write the number first, whatever the family."""
        return f"{number} {rule}", f"no {number}", f"{number} {rule}"

    def written(self, network: Network) -> str:
        """Return a network with prefix length, or `host ADDRESS`."""
        one = network.prefixlen == network.max_prefixlen
        return f"host {network.network_address}" if one else str(network)
