"""The network interfaces of a host: link-layer addresses, IP addresses, and forwarding to other hosts.

Kinds of interfaces come from /sys/class/net of Linux (sysfs-class-net in the kernel's ABI documentation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import ClassVar

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.facts.routing import interfaces
from stopgap.orchestrator.hostnumber import parse_int

_LOOPBACK, _NO_ARP = 0x8, 0x80
"""Flags of an interface (netdevice(7)). Without ARP are dummies, and tunnels over another card."""
_MODEMS = {512, 519}
"""PPP and raw IP (if_arp.h): links to other hosts, though without ARP."""
_OVERLAYS = {"vxlan", "geneve", "wireguard"}
"""Kinds of interfaces with packets leaving by another interface."""


class CardFact(Fact):
    """One network interface."""

    device: str
    link_address: str = ""
    leads_out: bool = True
    """Other hosts are reached directly over the interface: no loopback, tunnel, dummy, or bridge of the host's own
    guests.
    """
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()


@dataclass(frozen=True)
class Cards(Reader[tuple[CardFact, ...]]):
    """Read every network interface with its addresses."""

    cap: ClassVar[int] = 4 << 20

    def script(self) -> str:
        """Return the script: `link NAME ADDRESS FLAGS TYPE KIND BACKED PORT…`, then a line for each address."""
        return (
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
            "ip -o addr show"
        )

    def parse(self, output: Output) -> tuple[CardFact, ...]:
        """Join interfaces and addresses; a truncated list is rejected."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(f"ip addr: {output.stderr.last_line() or 'no complete answer'}")
        lines = output.stdout.lines()
        links = {
            words[1]: _Link(words[2], parse_int(words[3].removeprefix("0x"), 8, base=16) or 0,
                            parse_int(words[4], 5) or 0, words[5], words[6] == "backed", tuple(words[7:]))
            for line in lines
            if (words := line.split())[:1] == ["link"] and len(words) > 6
        }  # fmt: skip
        addresses: dict[str, list[IPv4Interface | IPv6Interface]] = {}
        for each in interfaces([line for line in lines if not line.startswith("link ")]):
            addresses.setdefault(each.device, []).append(each.address)
        return tuple(
            CardFact(
                device=name,
                link_address=links[name].address if name in links else "",
                leads_out=_leads_out(name, links),
                addresses=tuple(addresses.get(name, ())),
            )
            for name in dict.fromkeys([*links, *addresses])
        )


@dataclass(frozen=True)
class _Link:
    address: str
    flags: int
    type: int
    kind: str
    backed: bool
    """By a device, as a physical or a virtual machine's card is."""
    ports: tuple[str, ...]
    """Of a bridge."""


def _leads_out(name: str, links: Mapping[str, _Link]) -> bool:
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
