"""The network devices of a host: bridges and what is plugged into them, and each device's own link-layer address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_json

BRIDGES = ("bridge", "openvswitch")
"""Kinds of devices (ip-link(8)) that hand frames from one port to another without routing."""


class LinkFact(Fact):
    """One network device."""

    device: str
    link_address: str = ""
    kind: str = ""
    """As ip-link(8) calls it, such as `bridge`, `veth`, `vlan`; empty for a card."""
    bridge: str = ""
    """The bridge whose port it is."""
    filters4: bool = False
    """Of a bridge: what it hands on passes the IPv4 rules too (`nf_call_iptables`, of the bridge or of all)."""
    filters6: bool = False
    """The same of IPv6."""


class LinksFact(Fact):
    """All of them."""

    links: tuple[LinkFact, ...] = ()

    def of(self, device: str) -> LinkFact | None:
        """Give the device of this name."""
        return next((link for link in self.links if link.device == device), None)

    def ports(self, bridge: str) -> tuple[str, ...]:
        """Give the names of a bridge's ports."""
        return tuple(link.device for link in self.links if link.bridge == bridge)


@dataclass(frozen=True)
class Links(Reader[LinksFact]):
    """Read every network device of the host, and whether what bridges hand on passes the IP rules."""

    cap = 8 << 20

    def script(self) -> str:
        """Print both switches of br_netfilter, `-` where it is not loaded; then the devices as JSON."""
        return (
            "for f in iptables ip6tables; do\n"
            'read -r n 2>/dev/null </proc/sys/net/bridge/bridge-nf-call-$f || n=-; printf "%s " "$n"; done\n'
            "echo; LC_ALL=C ip -j -d link show"
        )

    def parse(self, output: Output) -> LinksFact:
        """Read both; an ip(8) that knows no JSON gives no device."""
        switches, _, text = output.stdout.decoded().partition("\n")
        if output.status is None or output.truncated:
            raise UnreadableError("ip link: no complete answer")
        try:
            listed = parse_json(text)
            return LinksFact(links=tuple(_link(item, switches.split()) for item in listed if item))
        except (ValueError, KeyError, TypeError, AttributeError):
            return LinksFact()


def _link(item: dict[str, Any], switches: list[str]) -> LinkFact:
    info = item.get("linkinfo", {})
    own = info.get("info_data", {}) if info.get("info_kind") == "bridge" else {}
    everywhere = [*(word == "1" for word in switches), False, False]
    return LinkFact(
        device=item["ifname"],
        link_address=str(item.get("address", "")),
        kind=str(info.get("info_kind", "")),
        bridge=str(item.get("master", "")) if info.get("info_slave_kind") in BRIDGES else "",
        filters4=everywhere[0] or own.get("nf_call_iptables") == 1,
        filters6=everywhere[1] or own.get("nf_call_ip6tables") == 1,
    )
