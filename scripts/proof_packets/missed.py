"""What an inventory does not tell: NAT on the router, an address that came later, a second card, IPv6 left out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab_hosts import namespaces
from lab_hosts.topology import BY_NAME

from proof_packets.inside import on
from proof_packets.ways import INTERNET, NEIGHBOUR, SECOND, WEB, End, Way

PRIVATE = End("web", "10.77.0.10", WEB.ipv6)
LATER = End("web", "203.0.113.12", "2001:db8:113::12")
CARD, CARD_PEER = End("web", "198.18.5.10", "fd05::10"), End("isp", "198.18.5.1", "fd05::1")
_TRANSLATE = """
table ip proof {
    chain in { type nat hook prerouting priority dstnat; ip daddr 203.0.113.10 dnat to 10.77.0.10; }
    chain out { type nat hook postrouting priority srcnat; ip saddr 10.77.0.10 snat to 203.0.113.10; }
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
    on_router: tuple[str, str] = ("", "")
    """Shell scripts on the router itself: what happens there, and what puts things back."""
    persists: bool = False
    """The block is asked for with `persist`, where the driver can do that."""
    ports: bool = False
    """It concerns drivers alone that drop at a port."""
    translated: bool = False
    """The router translates the host's address."""
    afterwards: bool = False
    """It is arranged once the block stands, and `status` is asked for the verdict."""

    @contextmanager
    def arranged(self, port: str) -> Iterator[None]:
        """Make it so, and put everything back."""
        for namespace, line in self.arrange:
            _inside(namespace, "ip", *line.replace("PORT", port).split())
        on("edge", self.on_router[0])
        if self.translated:
            _inside("edge", "nft", "-f", "-", stdin=_TRANSLATE)
        try:
            yield
        finally:
            if self.translated:
                _inside("edge", "nft", "delete", "table", "ip", "proof")
            on("edge", self.on_router[1])
            for namespace, line in self.put_back:
                _inside(namespace, "ip", *line.replace("PORT", port).split())
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
        translated=True,
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
        on_router=(
            "systemctl reload nftables",
            "systemctl restart router-before; ! [ -e /usr/bin/podman ] || podman network reload --all >/dev/null",
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
