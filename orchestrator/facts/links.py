"""The network devices of a host: addresses of either layer, bridges with their ports, ways out to other hosts.

Two readers share the model and the listing: `Links` reads a router's devices and the switches for bridged packets,
`Cards` reads a host's devices with their IP addresses. Kinds of devices are those of ip-link(8) and of /sys/class/net
(sysfs-class-net in the kernel's ABI documentation).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any, ClassVar

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.facts.routing import interfaces
from stopgap.orchestrator.hostnumber import parse_int, parse_json

BRIDGES = ("bridge", "openvswitch")
"""Kinds of devices (ip-link(8)) with frame forwarding between ports, without routing."""
_USERSPACE = "ovs-netdev"
"""The device of Open vSwitch's userspace datapath, whose bridges are devices of ip-link(8)'s kind `tun`."""
_LOOPBACK, _NO_ARP = 0x8, 0x80
"""Flags of an interface (netdevice(7)). Without ARP are dummies, and tunnels over another card."""
_MODEMS = {512, 519}
"""PPP and raw IP (if_arp.h): links to other hosts, though without ARP."""
_OVERLAYS = {"vxlan", "geneve", "wireguard"}
"""Kinds of interfaces with packets leaving by another interface."""
_BY_SYSFS = (
    'for d in /sys/class/net/*; do [ -e "$d/flags" ] || continue\n'
    "a= f= t= i= l= k=card b=virtual p=\n"
    'read -r a <"$d/address"; read -r f <"$d/flags"; read -r t <"$d/type"\n'
    'read -r i <"$d/ifindex"; read -r l <"$d/iflink"\n'
    'set -- "$d"/lower_*; if [ "$i" != "$l" ] && [ ! -e "$1" ]; then k=veth; fi\n'
    'if [ "$l" = 0 ]; then k=overlay; fi\n'
    'while read -r w; do case $w in DEVTYPE=*) k=${w#*=};; esac; done <"$d/uevent"\n'
    'if [ -e "$d/tun_flags" ]; then k=tun; fi; if [ -d "$d/bridge" ]; then k=bridge; fi\n'
    'if [ -e "$d/device" ]; then b=backed; fi\n'
    'for q in "$d"/brif/*; do [ ! -e "$q" ] || p="$p ${q##*/}"; done\n'
    'echo "link ${d##*/} ${a:--} ${f:-0} ${t:-0} $k $b$p"; done 2>/dev/null\n'
)
"""Prints `link NAME ADDRESS FLAGS TYPE KIND BACKED PORT…` for each device."""


class FunctionFact(Fact):
    """One virtual function of a network card (SR-IOV), as ip-link(8) shows it."""

    number: int
    link_address: str = ""
    state: str = ""
    """`auto`, `enable` or `disable`; empty where the driver of the card tells none."""


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
    functions: tuple[FunctionFact, ...] = ()
    """Virtual functions of a card; read by `Links` alone."""
    leads_out: bool = True
    """Other hosts are reached directly over the device: no loopback, tunnel, dummy, or bridge of the host's own
    guests. Read by `Cards` alone.
    """
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    """Read by `Cards` alone."""


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
            f"echo; LC_ALL=C ip -j -d link show 2>/dev/null || {{ {_BY_SYSFS}}}"
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
            userspace = any(item.get("ifname") == _USERSPACE for item in listed)
            links = tuple(_link(item, filters4 == "1", filters6 == "1", userspace) for item in listed if item)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UnreadableError("ip link: an answer that is no list of devices") from None
        return LinksFact(links=links, forwards4=forwards4, forwards6=forwards6)


@dataclass(frozen=True)
class Cards(Reader[tuple[LinkFact, ...]]):
    """Read every network interface with its addresses."""

    cap: ClassVar[int] = 4 << 20

    def script(self) -> str:
        """Return the script: `link NAME ADDRESS FLAGS TYPE KIND BACKED PORT…`, then a line for each address."""
        return f"{_BY_SYSFS}ip -o addr show"

    def parse(self, output: Output) -> tuple[LinkFact, ...]:
        """Join interfaces and addresses; a truncated list is rejected."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(f"ip addr: {output.stderr.last_line() or 'no complete answer'}")
        lines = output.stdout.lines()
        links = _listed(lines)
        addresses: dict[str, list[IPv4Interface | IPv6Interface]] = {}
        for each in interfaces([line for line in lines if not line.startswith("link ")]):
            addresses.setdefault(each.device, []).append(each.address)
        return tuple(
            LinkFact(
                device=name,
                link_address=links[name].address if name in links else "",
                kind=links[name].kind if name in links else "",
                leads_out=_leads_out(name, links),
                addresses=tuple(addresses.get(name, ())),
            )
            for name in dict.fromkeys([*links, *addresses])
        )


@dataclass(frozen=True)
class _Listed:
    address: str
    flags: int
    type: int
    kind: str
    backed: bool
    """By a device, as a physical or a virtual machine's card is."""
    ports: tuple[str, ...]
    """Of a bridge."""


def _leads_out(name: str, links: Mapping[str, _Listed]) -> bool:
    link = links.get(name)
    if link is None:
        return name != "lo"
    if link.type in _MODEMS:
        return True
    if link.flags & (_LOOPBACK | _NO_ARP) or link.kind in {"tun", "overlay"} | _OVERLAYS:
        return False
    if link.kind != "bridge":
        return True
    # The ends of cables to guests lead nowhere else, unless the host is a container itself and has no other cards.
    contained = not any(each.backed for each in links.values())
    ports = [links[port] for port in link.ports if port in links]
    return any(
        port.kind not in {"tun", "overlay"} | _OVERLAYS and (port.kind != "veth" or contained) for port in ports
    )


def _listed(lines: Iterable[str]) -> dict[str, _Listed]:
    """Return the devices of _BY_SYSFS by name; other lines are left out."""
    return {
        words[1]: _Listed(
            words[2].strip("-"),
            parse_int(words[3].removeprefix("0x"), 8, base=16) or 0,
            parse_int(words[4], 5) or 0,
            words[5] if words[5] != "card" else "",
            words[6] == "backed",
            tuple(words[7:]),
        )
        for line in lines
        if (words := line.split())[:1] == ["link"] and len(words) > 6
    }


def _of_sysfs(lines: list[str]) -> list[dict[str, Any]]:
    """Return the lines of _BY_SYSFS in the format of ip(8). Raises ValueError for another line."""
    found = _listed(lines)
    if len(found) != len(lines):
        raise ValueError("a line of no device")
    bridges = {port: name for name, each in found.items() for port in each.ports}
    return [
        {
            "ifname": name,
            "address": each.address,
            "master": bridges.get(name, ""),
            "linkinfo": {"info_kind": each.kind, "info_slave_kind": "bridge" if name in bridges else ""},
        }
        for name, each in found.items()
    ]


def _link(item: dict[str, Any], filters4: bool, filters6: bool, userspace: bool) -> LinkFact:
    info = item.get("linkinfo", {})
    tap = info.get("info_data", {}) if info.get("info_kind") == "tun" else {}
    switch = userspace and tap.get("type") == "tap" and tap.get("persist") is True and tap.get("vnet_hdr") is False
    own = info.get("info_data", {}) if info.get("info_kind") == "bridge" else {}
    return LinkFact(
        device=item["ifname"],
        link_address=str(item.get("address", "")),
        kind=BRIDGES[1] if switch else str(info.get("info_kind", "")),
        below=str(item.get("link") or ""),
        bridge=str(item.get("master", "")) if info.get("info_slave_kind") in BRIDGES else "",
        filters4=filters4 or own.get("nf_call_iptables") == 1,
        filters6=filters6 or own.get("nf_call_ip6tables") == 1,
        functions=tuple(
            FunctionFact(
                number=int(each["vf"]),
                link_address=str(each.get("address") or each.get("mac") or "").lower(),
                state=str(each.get("link_state", "")),
            )
            for each in item.get("vfinfo_list", ())
        ),
    )
