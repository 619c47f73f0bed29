"""What an inventory does not tell: NAT on the router, an address that came later, a second card, another way out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab_hosts import namespaces
from lab_hosts.topology import BY_NAME

from proof_packets.inside import on
from proof_packets.ways import INTERNET, NEIGHBOUR, OPERATOR, PROVIDER, SECOND, SPARE, WEB, End, Way

PRIVATE = End("web", "10.77.0.10", WEB.ipv6)
LATER = End("web", "203.0.113.12", "2001:db8:113::12")
CARD, CARD_PEER = End("web", "198.18.5.10", "fd05::10"), End("isp", "198.18.5.1", "fd05::1")
_SECOND_TABLE, _RULE = "47", "47"
"""Of a routing policy: a table, and the rule that leads there, before every rule of a block."""
_TRANSLATE = """
table ip proof {
    chain in { type nat hook prerouting priority dstnat; ip daddr 203.0.113.10 dnat to 10.77.0.10; }
    chain out { type nat hook postrouting priority srcnat; ip saddr 10.77.0.10 snat to 203.0.113.10; }
}
"""
_FORWARDING, _REDIRECTED = "net.ipv6.conf.all.forwarding", "net.ipv6.conf.eth0.accept_redirects"
_MASQUERADE = """
table ip6 proof {
    chain out { type nat hook postrouting priority srcnat; ip6 saddr 2001:db8:113::10 masquerade; }
}
"""


@dataclass(frozen=True)
class Missed:
    """One thing that the inventory lacks."""

    name: str
    ways: tuple[tuple[Way, int], ...]
    """What has to be cut too before the host may be called contained, with IP versions."""
    addresses: tuple[str, ...]
    """Of the host, as the inventory has them."""
    arrange: tuple[tuple[str, str], ...] = ()
    """Namespace and a line of ip(8), with `PORT` for the router's device that is the host's port."""
    put_back: tuple[tuple[str, str], ...] = ()
    where_it_drops: tuple[str, str] = ("", "")
    """Shell scripts on the device that drops: what happens there, and what puts things back."""
    persists: bool = False
    """The block is asked for with `persist`, where the driver can do that."""
    ports: bool = False
    """It concerns drivers alone that drop at a port."""
    rules: tuple[str, str, str] = ("", "", "")
    """Namespace, a table of nft(8) for it, and the words that delete the table."""
    settings: tuple[tuple[str, str, str], ...] = ()
    """Namespace, and assignments of sysctl(8) meanwhile and afterwards."""
    afterwards: bool = False
    """It is arranged once the block stands, and `status` is asked for the verdict."""

    @contextmanager
    def arranged(self, port: str, device: str) -> Iterator[None]:
        """Make it so, and put everything back; `device` is the host that drops."""
        namespace, table, delete = self.rules
        for at, line in self.arrange:
            _inside(at, "ip", *line.replace("PORT", port).split())
        on(device, self.where_it_drops[0])
        for at, meanwhile, _ in self.settings:
            _inside(at, "sysctl", "-qw", meanwhile)
        if namespace:
            _inside(namespace, "nft", "-f", "-", stdin=table)
        try:
            yield
        finally:
            if namespace:
                _inside(namespace, "nft", *delete.split())
            for at, _, afterwards in self.settings:
                _inside(at, "sysctl", "-qw", afterwards)
            on(device, self.where_it_drops[1])
            for at, line in self.put_back:
                _inside(at, "ip", *line.replace("PORT", port).split())
            # A stale entry with the card of the host counts as an address of the host in the next verdict.
            for family in ("-4", "-6"):
                _inside("edge", "ip", family, "neigh", "flush", "all")


ALL = (WEB.ipv4, WEB.ipv6, SECOND.ipv4, SECOND.ipv6)
MISSED = (
    Missed(
        "NAT on the router",
        (
            (Way("out", "udp", PRIVATE, INTERNET), 4),
            (Way("out", "tcp", PRIVATE, INTERNET), 4),
            (Way("in", "tcp", INTERNET, WEB), 4),
        ),
        ALL,
        arrange=(
            ("edge", "addr add 10.77.0.1/24 dev br0"),
            ("web", "addr add 10.77.0.10/24 dev eth0"),
            ("web", "route replace default via 10.77.0.1"),
            ("web", "addr del 203.0.113.11/24 dev eth0"),
            ("web", "addr del 203.0.113.10/24 dev eth0"),
        ),
        put_back=(
            ("web", "addr add 203.0.113.10/24 dev eth0"),
            ("web", "addr add 203.0.113.11/24 dev eth0"),
            ("web", "route replace default via 203.0.113.1"),
            ("web", "addr del 10.77.0.10/24 dev eth0"),
            ("edge", "addr del 10.77.0.1/24 dev br0"),
        ),
        rules=("edge", _TRANSLATE, "delete table ip proof"),
    ),
    Missed(
        "an address that came later",
        tuple(
            (way, version)
            for way in (Way("out", "udp", LATER, INTERNET), Way("in", "udp", INTERNET, LATER))
            for version in (4, 6)
        ),
        ALL,
        arrange=(
            ("web", f"addr add {LATER.ipv4}/24 dev eth0"),
            ("web", f"addr add {LATER.ipv6}/64 dev eth0 nodad"),
        ),
        put_back=(
            ("web", f"addr del {LATER.ipv4}/24 dev eth0"),
            ("web", f"addr del {LATER.ipv6}/64 dev eth0"),
        ),
        afterwards=True,
    ),
    Missed(
        "a second card",
        tuple(
            (way, version)
            for way in (Way("out", "udp", CARD, CARD_PEER), Way("in", "tcp", CARD_PEER, CARD))
            for version in (4, 6)
        ),
        ALL,
        arrange=(
            ("isp", "link add proof0 type veth peer name eth1 netns stopgap-web"),
            ("isp", f"addr add {CARD_PEER.ipv4}/24 dev proof0"),
            ("isp", f"addr add {CARD_PEER.ipv6}/64 dev proof0 nodad"),
            ("isp", "link set proof0 up"),
            ("web", f"addr add {CARD.ipv4}/24 dev eth1"),
            ("web", f"addr add {CARD.ipv6}/64 dev eth1 nodad"),
            ("web", "link set eth1 up"),
        ),
        put_back=(("isp", "link del proof0"),),
    ),
    Missed(
        "IPv6 left out",
        ((Way("out", "udp", WEB, INTERNET), 6), (Way("in", "tcp", INTERNET, WEB), 6)),
        (WEB.ipv4, SECOND.ipv4),
    ),
    Missed(
        "a way out by its own table",
        ((Way("out", "udp", WEB, INTERNET), 6), (Way("out", "tcp", WEB, INTERNET), 6)),
        ALL,
        arrange=(
            ("web", f"-6 route add default via {NEIGHBOUR.ipv6} table {_SECOND_TABLE}"),
            ("web", f"-6 rule add pref {_RULE} to {INTERNET.ipv6} lookup {_SECOND_TABLE}"),
        ),
        put_back=(
            ("web", f"-6 rule del pref {_RULE}"),
            ("web", f"-6 route flush table {_SECOND_TABLE}"),
        ),
        rules=("neighbour", _MASQUERADE, "delete table ip6 proof"),
        settings=(
            ("neighbour", f"{_FORWARDING}=1", f"{_FORWARDING}=0"),
            ("web", f"{_REDIRECTED}=0", f"{_REDIRECTED}=1"),
        ),
    ),
    Missed(
        "routes by policy on the router",
        (
            (Way("out", "udp", WEB, INTERNET), 4),
            (Way("out", "tcp", WEB, INTERNET), 4),
            (Way("in", "udp", INTERNET, WEB), 4),
        ),
        ALL,
        arrange=(
            ("edge", f"route add default via {PROVIDER.ipv4} table {_SECOND_TABLE}"),
            ("edge", f"route add 203.0.113.0/24 dev br0 table {_SECOND_TABLE}"),
            ("edge", f"route add {OPERATOR.ipv4} dev op0 table {_SECOND_TABLE}"),
            ("edge", f"route add {SPARE.ipv4} dev sp0 table {_SECOND_TABLE}"),
            ("edge", f"rule add pref {_RULE} from {WEB.ipv4} lookup {_SECOND_TABLE}"),
            ("edge", f"rule add pref {_RULE} to {WEB.ipv4} lookup {_SECOND_TABLE}"),
        ),
        put_back=(
            ("edge", f"rule del pref {_RULE}"),
            ("edge", f"rule del pref {_RULE}"),
            ("edge", f"route flush table {_SECOND_TABLE}"),
        ),
    ),
    Missed(
        "its port made anew",
        tuple(
            (way, version)
            for way in (
                Way("out", "udp", WEB, INTERNET),
                Way("out", "udp", WEB, NEIGHBOUR),
                Way("in", "tcp", INTERNET, WEB),
            )
            for version in (4, 6)
        ),
        ALL,
        arrange=tuple(("edge", f"link set {line}") for line in ("PORT down", "PORT name web9", "web9 up")),
        put_back=tuple(("edge", f"link set {line}") for line in ("web9 down", "web9 name PORT", "PORT up")),
        afterwards=True,
        ports=True,
    ),
    Missed(
        "rules reloaded by others",
        tuple(
            (way, version)
            for way in (Way("out", "udp", WEB, INTERNET), Way("in", "tcp", INTERNET, WEB))
            for version in (4, 6)
        ),
        ALL,
        where_it_drops=(
            "systemctl reload nftables 2>/dev/null || nft flush ruleset",
            "! [ -e /etc/router-before ] || systemctl restart router-before; "
            "! [ -e /usr/bin/podman ] || podman network reload --all >/dev/null",
        ),
        afterwards=True,
        persists=True,
    ),
)


def _inside(namespace: str, *argv: str, stdin: str = "") -> None:
    """Run a program of this machine on a namespace's network; raises RuntimeError where it fails."""
    with namespaces.entered(BY_NAME[namespace]):
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{namespace}: {' '.join(argv)}: {done.stderr}")
