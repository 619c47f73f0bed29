"""The network devices of a host: bridges with their ports, and the link-layer address of each device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.hostnumber import parse_json

BRIDGES = ("bridge", "openvswitch")
"""Kinds of devices (ip-link(8)) with frame forwarding between ports, without routing."""


_BY_SYSFS = """\
for d in /sys/class/net/*; do k=- m=- a=-
if [ -d "$d/bridge" ]; then k=bridge; fi; if [ -e "$d/master" ]; then m=$(readlink "$d/master"); fi
read -r a <"$d/address"; echo "${d##*/} $k ${m##*/} $a"; done 2>/dev/null"""
"""For an ip(8) without JSON: each device's name, kind, bridge of a port, and link-layer address."""


class LinkFact(Fact):
    """One network device."""

    device: str
    link_address: str = ""
    kind: str = ""
    """The kind in ip-link(8), such as `bridge`, `veth`, `vlan`; empty for a physical interface."""
    below: str = ""
    """The underlying device, as of a VLAN on a bridge."""
    bridge: str = ""
    """The bridge, for a port of a bridge."""
    filters4: bool = False
    """Of a bridge: bridged packets pass the IPv4 rules too (`nf_call_iptables`, of the bridge or global)."""
    filters6: bool = False
    """The same of IPv6."""


class LinksFact(Fact):
    """All network devices of a host."""

    links: tuple[LinkFact, ...] = ()
    forwards4: bool | None = None
    """True if the host routes IPv4 packets of other hosts (`forwarding`, ip-sysctl.rst); `None`: unknown."""
    forwards6: bool | None = None
    """The same of IPv6."""

    def of(self, device: str) -> LinkFact | None:
        """Return the device with the name."""
        return next((link for link in self.links if link.device == device), None)

    def ports(self, bridge: str) -> tuple[str, ...]:
        """Return the names of a bridge's ports."""
        return tuple(link.device for link in self.links if link.bridge == bridge)


@dataclass(frozen=True)
class Links(Reader[LinksFact]):
    """Read every network device of the host, and the bridge netfilter switches for IP rules on bridged packets."""

    cap = 8 << 20

    def script(self) -> str:
        """Return the script: the switches of br_netfilter and of routing, `-` if absent; then the devices as JSON."""
        return (
            "for f in iptables ip6tables; do n=-\n"
            'read -r n 2>/dev/null </proc/sys/net/bridge/bridge-nf-call-$f; printf "%s " "$n"; done\n'
            "for v in 4 6; do n=-; for f in /proc/sys/net/ipv$v/conf/*/forwarding; do\n"
            '[ "$n" = 1 ] || read -r n 2>/dev/null <"$f"; done; printf "%s " "$n"; done\n'
            f"echo; LC_ALL=C ip -j -d link show 2>/dev/null || {{ {_BY_SYSFS}; }}"
        )

    def parse(self, output: Output) -> LinksFact:
        """Parse switches and devices; raises UnreadableError without a device."""
        switches, _, text = output.stdout.decoded().partition("\n")
        if output.status is None or output.truncated:
            raise UnreadableError("ip link: no complete answer")
        try:
            filters4, filters6, *routes = switches.split()
            forwards4, forwards6 = ({"0": False, "1": True}.get(word) for word in routes)
            listed = parse_json(text) if text.lstrip().startswith("[") else _of_sysfs(text.splitlines())
            links = tuple(_link(item, filters4 == "1", filters6 == "1") for item in listed if item)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UnreadableError("ip link: an answer that is no list of devices") from None
        return LinksFact(links=links, forwards4=forwards4, forwards6=forwards6)


def _of_sysfs(lines: list[str]) -> list[dict[str, Any]]:
    """Return the lines of _BY_SYSFS in the format of ip(8)."""
    found = []
    for device, kind, bridge, address in (line.split(" ") for line in lines):
        info = {"info_kind": kind.strip("-"), "info_slave_kind": "bridge" if bridge != "-" else ""}
        found.append({"ifname": device, "address": address, "master": bridge, "linkinfo": info})
    return found


def _link(item: dict[str, Any], filters4: bool, filters6: bool) -> LinkFact:
    info = item.get("linkinfo", {})
    own = info.get("info_data", {}) if info.get("info_kind") == "bridge" else {}
    return LinkFact(
        device=item["ifname"],
        link_address=str(item.get("address", "")),
        kind=str(info.get("info_kind", "")),
        below=str(item.get("link") or ""),
        bridge=str(item.get("master", "")) if info.get("info_slave_kind") in BRIDGES else "",
        filters4=filters4 or own.get("nf_call_iptables") == 1,
        filters6=filters6 or own.get("nf_call_ip6tables") == 1,
    )
