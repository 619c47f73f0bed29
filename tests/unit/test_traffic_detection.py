"""Which driver a router takes that has none in the inventory, by what was read on the router."""

from __future__ import annotations

from typing import Any

import pytest

from stopgap.orchestrator.facts import (
    ForwardingFact,
    GuestPortFact,
    InterfaceFact,
    LinkFact,
    LinksFact,
    NeighbourFact,
    ProgramFact,
    RouteFact,
    SystemFact,
)
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.task import Refused
from stopgap.tasks.traffic import detection
from stopgap.tasks.traffic.drivers import SHIPPED

WEB = Host(name="web", address="203.0.113.10", upstream="edge")
EDGE = Host(name="edge", address="10.9.0.1", user="noc")
SCENE = Scene(target=WEB, on=EDGE, upstream=EDGE)
LISTED = ProgramFact(status=0, stdout="table inet filter\ntable inet stopgap_web\ntable inet firewalld\n")
DENIED = ProgramFact(status=1, stderr="Operation not permitted (you must be root)")
ROUTES = LinksFact(forwards4=True, forwards6=True)
STANDS_STILL = LinksFact(forwards4=False, forwards6=False)


def read(*programs: str, os: str = "debian", uid: int = 0, **facts: Any) -> dict[str, Any]:
    return {"system": SystemFact(os=os, uid=uid, programs=programs), "links": ROUTES, **facts}


def bridged(*, address: str = "203.0.113.5/24", routed: bool = False, **route: Any) -> dict[str, Any]:
    """Give the facts of a machine with a bridge of guests; `routed`: the bridge has no way out of its own."""
    ports = (LinkFact(device="eno1", bridge="" if routed else "vmbr0"), LinkFact(device="vmbr0", kind="bridge"))
    guests = tuple(LinkFact(device=f"tap{n}", kind="tun", bridge="vmbr0") for n in (100, 101))
    return {
        "links": LinksFact(links=(*ports, *guests), forwards4=True, forwards6=True),
        "interfaces": (InterfaceFact(device="eno1" if routed else "vmbr0", address=address),),
        "gateways": ("203.0.113.1",),
        "routes": (RouteFact(address="203.0.113.10", **({"device": "vmbr0"} | route)),),
        "tables": LISTED,
    }


def routing_its_guests(tool: str = "podman", *, told: bool = True, of: str = "203.0.113.10") -> dict[str, Any]:
    """Give the facts of a machine that routes the packets of a guest of its own, which one of its tools names."""
    card = "52:54:00:00:00:10"
    port = {"tool": tool, "guest": "web-1", "device": "tap100", "link_address": card}
    return {
        **bridged(routed=True),
        "guest_ports": (GuestPortFact.model_validate(port | {"addresses": (of,) if told else ()}),),
        "forwarding": (ForwardingFact(link_address=card, device="tap100", bridge="vmbr0"),),
        "neighbours": (NeighbourFact.model_validate({"address": of, "device": "vmbr0", "link_address": card}),),
    }


NAMED = WEB.model_copy(update={"guest": "web-1"})


@pytest.mark.parametrize(
    ("seen", "target", "driver", "why"),
    [
        (routing_its_guests(), WEB, "guestport", "the host is its guest web-1"),
        (routing_its_guests("virsh", told=False), WEB, "guestport", "the host is its guest web-1"),
        (routing_its_guests(of="10.88.0.2"), NAMED, "guestport", "the host is its guest web-1"),
        (routing_its_guests(of="203.0.113.11"), WEB, "nftables", "nft works there"),
    ],
)
def test_a_machine_that_routes_its_guests_drops_at_the_port_where_the_host_is_one_of_these(
    seen: dict[str, Any], target: Host, driver: str, why: str
) -> None:
    found = detection.driver_for(read("nft", "ip", **seen), SCENE.model_copy(update={"target": target}))

    assert (found.driver, why in found.why) == (driver, True)


@pytest.mark.parametrize(
    ("seen", "driver", "why"),
    [
        (read("nft", "ip", **bridged()), "guestport", "its bridge vmbr0 joins the host with the way out"),
        (read("nft", "vtysh", **bridged()), "guestport", "its bridge vmbr0"),
        (read("nft", **bridged(device="eno9", gateway="203.0.113.1")), "guestport", "its bridge vmbr0"),
        (read("nft", "ip", **bridged(routed=True)), "nftables", "nft works"),
        (read("nft", "ip", **bridged(address="192.0.2.5/24")), "nftables", "nft works"),
        (read("ip", **bridged()), "iproute", "neither nft nor iptables"),
        (read("nft", "ip", tables=LISTED), "nftables", "nft works there, beside inet filter, inet firewalld"),
        (read("nft", "iptables-save", "ipset", tables=LISTED), "nftables", "nft works"),
        (read("nft", uid=1000, tables=DENIED), "nftables", "nft works"),
        (read("nft", "iptables-save", "ipset", tables=DENIED), "iptables", "nft does not work"),
        (read("iptables-save", "ip6tables-save", "ipset", "ip"), "iptables", "nft is not installed"),
        (read("iptables-save", "ip"), "iproute", "neither nft nor iptables with ipset"),
        (read("nft", "fw4", os="openwrt", tables=LISTED), "openwrt", "fw4"),
        (read("iptables-save", "ipset", os="openwrt"), "iptables", "nft is not installed"),
        (read("nft", "vtysh", tables=LISTED), "nftables", "nft works"),
        (read("nft", "vtysh", tables=LISTED, links=STANDS_STILL), "frr", "FRR"),
        (read("nft", "birdc", tables=LISTED, links=STANDS_STILL), "flowspec", "BIRD"),
        (read("nft", os="vyos", tables=LISTED), "vyos", "VyOS"),
    ],
)
def test_a_router_takes_the_first_driver_that_fits_and_says_why(seen: dict[str, Any], driver: str, why: str) -> None:
    found = detection.driver_for(seen, SCENE)

    assert (found.driver, found.cli) == (driver, SHIPPED[driver].cli)
    assert why in found.why


def test_a_router_with_nothing_to_drop_packets_with_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match="install nftables there, or name another router as `upstream`"):
        detection.driver_for(read("vtysh"), SCENE)


def test_facts_that_could_not_be_read_count_as_absent() -> None:
    assert detection.driver_for({"system": SystemFact(programs=("ip",))}, SCENE).driver == "iproute"
