"""The openwrt driver: nftables beside fw4, OpenWrt's own firewall.

fw4 keeps its rules in a table of its own, `inet fw4`, which `fw4 reload` and every change of an interface make
anew; the block's table is another, and stays. What differs from a plain nftables router: conntrack(8) is seldom
installed there, and where `flow_offloading` is on, flows from before pass by every chain until they are forgotten.
Few such routers have a clock that goes on while they are off: a block that survived a reboot could outlast what was
asked, so none does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from stopgap.orchestrator.task import Gap, Planned
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.conntrack import can_forget, offloads
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.nftables import Nftables


class Openwrt(Nftables):
    """OpenWrt from 22.03 on, where fw4 brought nft."""

    name: ClassVar[str] = "openwrt"
    capabilities: ClassVar[Capabilities] = Nftables.capabilities.model_copy(update={"persist": False})

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Say so where offloaded flows from before cannot be forgotten."""
        yield from super().plan(block, facts)
        if offloads(facts) and not can_forget(facts):
            yield Gap(
                text="flow_offloading is on and conntrack is not installed: offloaded flows from before go on until "
                "they end; `opkg install conntrack`, or turn offloading off",
                at_best="partly",
            )
