"""The host driver: a host cuts itself off, the last resort where there is no upstream.

Whoever broke in has root there, and can lift it without a trace, or make it look loaded when it is not. It buys time
against what runs by itself, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import ClassVar

from orchestrator.check import Check
from orchestrator.host import Eye
from orchestrator.task import Gap, Planned
from tasks.traffic.capabilities import Capabilities
from tasks.traffic.driver import Block, DeviceFacts
from tasks.traffic.nftables import Nftables
from tasks.traffic.ruleset import host_ruleset

EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class OwnHost(Nftables):
    """nft(8) on the target itself: not to be trusted. Its own view of the drops is not even asked for."""

    name: ClassVar[str] = "host"
    capabilities: ClassVar[Capabilities] = Capabilities(
        expiry="device", exception=True, answers_alone=True, local=True, trusted=False
    )
    programs: ClassVar[tuple[str, ...]] = ("nft",)

    def ruleset(self, block: Block) -> str:
        """Give a table that drops whatever comes or goes, by any address, save for who is allowed."""
        return host_ruleset(block)

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Load the table, unless it is in force already."""
        planned = super().plan(replace(block, addresses=EVERYTHING), facts)
        yield from (item for item in planned if not isinstance(item, Gap))

    def checks(self, block: Block, facts: DeviceFacts, eye: Eye) -> Iterator[Check]:
        """Ask the host nothing: only packets from outside tell."""
        yield from ()
