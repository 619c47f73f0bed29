"""What ip(8) prints, read: addresses, gateways, neighbours, routes."""

from __future__ import annotations

import os
import shutil
import subprocess
from ipaddress import ip_address, ip_interface

import pytest

from stopgap.orchestrator.facts import (
    Gateways,
    InterfaceFact,
    Interfaces,
    NeighbourFact,
    Neighbours,
    Output,
    RoutedBy,
    RouteFact,
    Routes,
    UnreadableError,
)
from stopgap.orchestrator.hosttext import HostText


def printed(text: str, status: int = 0, truncated: bool = False) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status, truncated)


def test_addresses_and_the_far_end_of_a_link() -> None:
    facts = Interfaces().parse(
        printed(
            "3: wan0    inet 192.0.2.2/30 scope global wan0\\       valid_lft forever preferred_lft forever\n"
            "3: wan0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever\n"
            "9: ppp0    inet 203.0.113.253 peer 203.0.113.254/32 scope global ppp0\\       valid_lft forever\n"
        )
    )
    assert facts == (
        InterfaceFact(device="wan0", address=ip_interface("192.0.2.2/30")),
        InterfaceFact(device="wan0", address=ip_interface("fe80::1/64")),
        InterfaceFact(device="ppp0", address=ip_interface("203.0.113.253/32"), peer=ip_address("203.0.113.254")),
    )


@pytest.mark.parametrize("output", [printed("", 1), printed("", truncated=True), printed("1: lo inet rubbish\n")])
def test_part_of_the_addresses_is_not_taken_for_all(output: Output) -> None:
    with pytest.raises(UnreadableError):
        Interfaces().parse(output)


def test_every_gateway_of_the_default_routes() -> None:
    gateways = Gateways().parse(
        printed(
            "default via 192.0.2.1 dev wan0 proto static\n"
            "default proto ra metric 1024\n"
            "\tnexthop via fe80::1 dev wan0 weight 1\n"
            "\tnexthop via fe80::2 dev wan1 weight 1\n"
            "default via inet6 fe80::3 dev wan2\n"
        )
    )
    assert [str(g) for g in gateways] == ["192.0.2.1", "fe80::1", "fe80::2", "fe80::3"]


OTHER_WAYS = """
ip link add way type veth peer name far && ip addr add 10.1.0.1/24 dev way && ip addr add fd01::1/64 dev way nodad
ip link set way up && ip link set far up
ip route add default via 10.1.0.2
ip route add default table 47 nexthop via 10.1.0.3 nexthop via 10.1.0.4
ip route add 0.0.0.0/1 via 10.1.0.5
ip route add 128.0.0.0/1 via 10.1.0.6
ip -6 route add 2000::/3 via fd01::2 table 48
ip route add 1.2.3.0/24 via 10.1.0.7
ip -6 route add 2001:db8:1::/48 via fd01::3
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, for a network namespace of its own"
)
def test_gateways_of_a_policys_tables_and_of_halves_of_the_world_are_found() -> None:
    words = ["unshare", "-n", "sh", "-ec", f"{OTHER_WAYS}{Gateways().script()}"]
    found = Gateways().parse(printed(subprocess.run(words, capture_output=True, text=True, check=True).stdout))
    assert [str(gateway) for gateway in found] == [*(f"10.1.0.{n}" for n in range(2, 7)), "fd01::2"]


def test_networks_behind_a_next_hop() -> None:
    networks = RoutedBy((ip_address("203.0.113.10"),)).parse(
        printed(
            "default dev br0\n"
            "198.51.100.128/28 dev br0 proto static\n"
            "unicast 192.0.2.7 dev br0\n"
            "2001:db8:9::/48 dev br0 metric 1024 pref medium\n"
            "Error: something else\n"
        )
    )
    assert [str(network) for network in networks] == ["192.0.2.7/32", "198.51.100.128/28", "2001:db8:9::/48"]


def test_neighbours_that_answered() -> None:
    facts = Neighbours().parse(
        printed(
            "203.0.113.30 dev br0 lladdr 3e:2d:0a:e0:8d:27 REACHABLE\n"
            "203.0.113.31 dev br0 FAILED\n"
            "203.0.113.32 dev br0 INCOMPLETE\n"
            "fe80::1 dev wan0 lladdr 46:bb:b0:6e:58:20 router STALE\n"
            "2001:db8:113::3"
        )
    )
    assert facts == (
        NeighbourFact(address=ip_address("203.0.113.30"), device="br0", link_address="3e:2d:0a:e0:8d:27"),
        NeighbourFact(address=ip_address("fe80::1"), device="wan0", link_address="46:bb:b0:6e:58:20", stale=True),
    )


def test_the_way_to_each_address_in_the_order_asked_for() -> None:
    asked = tuple(
        map(ip_address, ["198.51.100.2", "203.0.113.1", "203.0.113.30", "2001:db8:113::30", "240.0.0.1", "192.0.2.9"])
    )
    facts = Routes(asked).parse(
        printed(
            "203.0.113.1 local 203.0.113.1 dev lo src 203.0.113.1 uid 0 \\    cache <local> \n"
            "198.51.100.2 198.51.100.2 via 192.0.2.1 dev wan0 src 192.0.2.2 uid 0 \\    cache \n"
            "203.0.113.30 203.0.113.30 dev br0 src 203.0.113.1 uid 0 \\    cache \n"
            "2001:db8:113::30 2001:db8:113::30 from :: via fe80::9 dev br0 proto kernel src 2001:db8:113::1\n"
            "240.0.0.1 unreachable\n"
        )
    )
    assert facts == (
        RouteFact(address=asked[0], device="wan0", gateway=ip_address("192.0.2.1"), source=ip_address("192.0.2.2")),
        RouteFact(address=asked[1], device="lo", local=True, source=asked[1]),
        RouteFact(address=asked[2], device="br0", source=asked[1]),
        RouteFact(
            address=asked[3], device="br0", gateway=ip_address("fe80::9"), source=ip_address("2001:db8:113::1")
        ),
        RouteFact(address=asked[4]),
        RouteFact(address=asked[5]),
    )
