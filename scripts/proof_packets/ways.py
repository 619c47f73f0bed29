"""What is sent: every way of traffic that a block must stop, or must leave alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "tcp", "held", "told", "udp", "fragments", "icmp", "page", "forgotten", "spoofed", "tagged", "twice", "other"
]
"""`held` and `told` are TCP connections from before the block, and with `told` who was called speaks first; `udp` and
`fragments` are one-way; `page` asks a web server; `forgotten` is a TCP connection after every cache of neighbours was
flushed. The last four are frames that no socket sends: from an address that no host has, with one VLAN tag, with two,
and of another kind than IP and ARP."""
BY_HAND = frozenset({"spoofed", "tagged", "twice", "other"})
FROM_BEFORE = frozenset({"held", "told"})
Span: TypeAlias = Literal["provider", "router", "local", "segment", "aside"]
"""Whom the packets cross: provider and router, the router alone, the router's own input, or neither of them; `aside`:
no blocked address is at either end."""


@dataclass(frozen=True)
class End:
    """Addresses in one of the lab's namespaces."""

    node: str
    ipv4: str
    ipv6: str

    def address(self, version: int) -> str:
        """Give the one of this IP version."""
        return self.ipv4 if version == 4 else self.ipv6


WEB = End("web", "203.0.113.10", "2001:db8:113::10")
SECOND = End("web", "203.0.113.11", "2001:db8:113::11")
NEIGHBOUR = End("neighbour", "203.0.113.30", "2001:db8:113::30")
SPARE = End("spare", "203.0.113.20", "2001:db8:113::20")
ROUTER = End("edge", "203.0.113.1", "2001:db8:113::1")
PROVIDER = End("isp", "192.0.2.1", "2001:db8:1::1")
OPERATOR = End("operator", "10.9.0.2", "fd00:9::2")
INTERNET = End("internet", "198.51.100.2", "2001:db8:100::2")
ALLOWED = End("internet", "198.51.100.9", "2001:db8:100::9")
UNWANTED = End("internet", "198.51.100.66", "2001:db8:100::66")
"""The router had a rule against it before."""
NOBODY = {4: "203.0.113.77", 6: "2001:db8:113::77"}
"""Addresses of the segment that no host has, by IP version."""
ADDED = {
    "web": ("eth0", (f"{SECOND.ipv4}/24", f"{SECOND.ipv6}/64")),
    "internet": ("eth0", (f"{ALLOWED.ipv4}/24", f"{ALLOWED.ipv6}/64", f"{UNWANTED.ipv4}/24", f"{UNWANTED.ipv6}/64")),
}
"""Addresses that the lab's hosts have only here, by node: interface, addresses."""


@dataclass(frozen=True)
class Way:
    """Traffic of one kind between two ends."""

    name: str
    kind: Kind
    source: End
    destination: End
    span: Span = "provider"
    spared: bool = False
    """One end is the operator's or in `allow`."""

    @property
    def counts(self) -> bool:
        """Tell whether a packet that passes belies `contained`: it crosses the router, and nobody let it through."""
        crosses = self.span in {"provider", "router", "local"}
        return crosses and not (self.spared and self.destination.node == "web")

    @property
    def needs(self) -> frozenset[str]:
        """Directions, seen from the blocked host, in which packets have to pass."""
        if self.span == "aside":
            return frozenset()
        if self.kind in {"udp", "fragments", *BY_HAND}:
            return frozenset({"from" if self.source.node == "web" else "to"})
        return frozenset({"from", "to"})


WAYS = (
    Way("established TCP, in", "held", INTERNET, WEB),
    Way("established TCP, out", "held", WEB, INTERNET),
    Way("new TCP, in", "tcp", INTERNET, WEB),
    Way("new TCP, out", "tcp", WEB, INTERNET),
    Way("one-way UDP, in", "udp", INTERNET, WEB),
    Way("one-way UDP, out", "udp", WEB, INTERNET),
    Way("ICMP echo, in", "icmp", INTERNET, WEB),
    Way("ICMP echo, out", "icmp", WEB, INTERNET),
    Way("fragments, in", "fragments", INTERNET, WEB),
    Way("fragments, out", "fragments", WEB, INTERNET),
    Way("second address, TCP in", "tcp", INTERNET, SECOND),
    Way("second address, UDP out", "udp", SECOND, INTERNET),
    Way("provider to it, TCP", "tcp", PROVIDER, WEB),
    Way("it to provider, UDP", "udp", WEB, PROVIDER),
    Way("other customer to it, TCP", "tcp", SPARE, WEB, "router"),
    Way("it to other customer, UDP", "udp", WEB, SPARE, "router"),
    Way("it to the router, TCP", "tcp", WEB, ROUTER, "local"),
    Way("same segment to it, TCP", "tcp", NEIGHBOUR, WEB, "segment"),
    Way("it to same segment, UDP", "udp", WEB, NEIGHBOUR, "segment"),
    Way("spoofed source, out", "spoofed", WEB, INTERNET),
    Way("VLAN tag to same segment", "tagged", WEB, NEIGHBOUR, "segment"),
    Way("two tags to same segment", "twice", WEB, NEIGHBOUR, "segment"),
    Way("other frame to same segment", "other", WEB, NEIGHBOUR, "segment"),
    Way("web page", "page", INTERNET, WEB),
    Way("operator, established TCP", "told", OPERATOR, WEB, "router", spared=True),
    Way("operator, new TCP", "tcp", OPERATOR, WEB, "router", spared=True),
    Way("operator, caches flushed", "forgotten", OPERATOR, WEB, "router", spared=True),
    Way("operator, ICMP echo", "icmp", OPERATOR, WEB, "router", spared=True),
    Way("it to operator, TCP", "tcp", WEB, OPERATOR, "router", spared=True),
    Way("in `allow`, new TCP", "tcp", ALLOWED, WEB, spared=True),
    Way("it to `allow`, TCP", "tcp", WEB, ALLOWED, spared=True),
    Way("neighbour, established TCP", "held", INTERNET, NEIGHBOUR, "aside"),
    Way("neighbour, new TCP", "tcp", INTERNET, NEIGHBOUR, "aside"),
    Way("neighbour, UDP out", "udp", NEIGHBOUR, INTERNET, "aside"),
    Way("spare, its own page", "page", INTERNET, SPARE, "aside"),
    Way("a drop from before", "udp", UNWANTED, NEIGHBOUR, "aside"),
)
