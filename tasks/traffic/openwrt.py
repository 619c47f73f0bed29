"""The openwrt driver: nftables beside fw4, OpenWrt's firewall.

fw4 keeps rules in the table `inet fw4`, rebuilt by `fw4 reload` and by every change of an interface; the block's
separate table stays. Differences from a plain nftables router: conntrack(8) is seldom installed, and with
`flow_offloading`, older flows bypass every chain until deleted. Most OpenWrt routers have no battery-backed clock: a
block could outlast the expiry after a reboot, so no block is persistent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from stopgap.orchestrator.task import Gap, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.conntrack import can_forget, offloads
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.nftables import Nftables
from stopgap.tasks.traffic.router import RouterFacts


class Openwrt(Nftables):
    """OpenWrt from 22.03 on, with fw4 and nft."""

    name: ClassVar[str] = "openwrt"
    capabilities: ClassVar[Capabilities] = Nftables.capabilities.model_copy(update={"persist": False})

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on OpenWrt with fw4; with fw3, `iptables` fits."""
        return tr("OpenWrt with fw4") if router.system.os == "openwrt" and router.has("nft", "fw4") else ""

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the block, and a gap if offloaded flows cannot be deleted."""
        yield from super().plan(block, facts)
        if offloads(facts) and not can_forget(facts):
            yield Gap(
                text=tr(
                    "flow_offloading is on and conntrack is not installed: offloaded flows from before go on "
                    "until they end; `opkg install conntrack`, or turn offloading off"
                ),
                at_best="partly",
            )
