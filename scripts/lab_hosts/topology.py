"""The lab's network, declared: who there is, which wires join them, which addresses and routes they carry.

    internet ── isp ══ eBGP ══ edge ─┬─ br0: web, neighbour
                        operator ────┤
                                     └─ sp0: spare

`spare` has a port of its own, so that what it exchanges with `web` is routed, and filtered, by `edge`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PREFIX = "stopgap-"


@dataclass(frozen=True)
class Node:
    """A network namespace; a booted Debian host when `probes` says where it answers."""

    name: str
    addresses: tuple[str, ...]
    """Where others reach it, most usual first."""
    network: tuple[str, ...]
    """Lines of `ip -batch`, run inside the namespace once its wires are there."""
    sysctl: dict[str, int] = field(default_factory=dict, hash=False)
    services: frozenset[str] = frozenset()
    """Services that the image starts and this host keeps."""

    @property
    def namespace(self) -> str:
        return PREFIX + self.name

    @property
    def booted(self) -> bool:
        return "ssh" in self.services


@dataclass(frozen=True)
class Wire:
    """A veth pair: (node, interface) at either end."""

    left: tuple[str, str]
    right: tuple[str, str]


FORWARDING = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
# A bridge is a switch, whose frames meet no packet filter of the router that it is in.
SWITCHING = {f"net.bridge.bridge-nf-call-{name}": 0 for name in ("iptables", "ip6tables", "arptables")}
# Before any wire is there: no router advertisements, and no second's wait for duplicate link-local addresses.
QUIET = {"net.ipv6.conf.default.accept_ra": 0, "net.ipv6.conf.default.accept_dad": 0}


def _interface(name: str, *addresses: str) -> tuple[str, ...]:
    return (
        *(f"addr add {address} dev {name}" + (" nodad" if ":" in address else "") for address in addresses),
        f"link set {name} up",
    )


def _default(ipv4: str, ipv6: str) -> tuple[str, ...]:
    return (f"route add default via {ipv4}", f"route add ::/0 via {ipv6}")


NODES = (
    Node(
        "operator", ("10.9.0.2", "fd00:9::2"),
        (*_interface("eth0", "10.9.0.2/24", "fd00:9::2/64"), *_default("10.9.0.1", "fd00:9::1")),
    ),
    Node(
        "internet", ("198.51.100.2", "2001:db8:100::2"),
        (*_interface("eth0", "198.51.100.2/24", "2001:db8:100::2/64"), *_default("198.51.100.1", "2001:db8:100::1")),
    ),
    Node(
        "edge", ("10.9.0.1", "fd00:9::1", "203.0.113.1", "2001:db8:113::1", "192.0.2.2", "2001:db8:1::2"),
        (
            *_interface("op0", "10.9.0.1/24", "fd00:9::1/64"),
            *_interface("wan0", "192.0.2.2/30", "2001:db8:1::2/64"),
            "link add br0 type bridge forward_delay 0",
            "link set web0 master br0", "link set web0 up",
            "link set nb0 master br0", "link set nb0 up",
            *_interface("br0", "203.0.113.1/24", "2001:db8:113::1/64"),
            *_interface("sp0"),
            "route add 203.0.113.20/32 dev sp0", "route add 2001:db8:113::20/128 dev sp0",
            "neigh add proxy 2001:db8:113::20 dev br0",
            "neigh add proxy 2001:db8:113::1 dev sp0",
            *_default("192.0.2.1", "2001:db8:1::1"),
        ),
        FORWARDING | SWITCHING | {
            "net.ipv4.conf.br0.proxy_arp": 1, "net.ipv4.neigh.br0.proxy_delay": 0,
            "net.ipv6.conf.br0.proxy_ndp": 1, "net.ipv6.neigh.br0.proxy_delay": 0,
            "net.ipv6.conf.sp0.proxy_ndp": 1, "net.ipv6.neigh.sp0.proxy_delay": 0,
        },
        frozenset({"ssh", "frr", "bird", "nftables"}),
    ),
    Node(
        "isp", ("192.0.2.1", "2001:db8:1::1", "198.51.100.1", "2001:db8:100::1"),
        (
            *_interface("inet0", "198.51.100.1/24", "2001:db8:100::1/64"),
            *_interface("cust0", "192.0.2.1/30", "2001:db8:1::1/64"),
            "route add 10.9.0.0/24 via 192.0.2.2", "route add fd00:9::/64 via 2001:db8:1::2",
        ),
        FORWARDING,
        frozenset({"ssh", "frr", "bird"}),
    ),
    Node(
        "web", ("203.0.113.10", "2001:db8:113::10"),
        (
            *_interface("eth0", "203.0.113.10/24", "2001:db8:113::10/64"),
            *_default("203.0.113.1", "2001:db8:113::1"),
        ),
        services=frozenset({"ssh", "apache2", "postfix"}),
    ),
    Node(
        "spare", ("203.0.113.20", "2001:db8:113::20"),
        (
            *_interface("eth0", "203.0.113.20/32", "2001:db8:113::20/128"),
            "route add default via 203.0.113.1 dev eth0 onlink",
            "route add ::/0 via 2001:db8:113::1 dev eth0 onlink",
        ),
        services=frozenset({"ssh", "apache2"}),
    ),
    Node(
        "neighbour", ("203.0.113.30", "2001:db8:113::30"),
        (
            *_interface("eth0", "203.0.113.30/24", "2001:db8:113::30/64"),
            *_default("203.0.113.1", "2001:db8:113::1"),
        ),
        services=frozenset({"ssh", "apache2"}),
    ),
)  # fmt: skip

BY_NAME = {node.name: node for node in NODES}
HOSTS = tuple(node for node in NODES if node.booted)

WIRES = (
    Wire(("operator", "eth0"), ("edge", "op0")),
    Wire(("internet", "eth0"), ("isp", "inet0")),
    Wire(("isp", "cust0"), ("edge", "wan0")),
    Wire(("web", "eth0"), ("edge", "web0")),
    Wire(("neighbour", "eth0"), ("edge", "nb0")),
    Wire(("spare", "eth0"), ("edge", "sp0")),
)


def far_ends(node: Node) -> tuple[tuple[str, str], ...]:
    """The other ends of a node's wires, as (node, interface)."""
    return tuple(
        far
        for wire in WIRES
        for near, far in ((wire.left, wire.right), (wire.right, wire.left))
        if near[0] == node.name
    )
