"""Which addresses are cut off beside those typed: what router and host told, in; addresses, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_interface
from typing import Any

from stopgap.orchestrator.cut.discovery import MOST_BEHIND, Found, find_addresses
from stopgap.orchestrator.facts import Cards, Gateways, InterfaceFact, Interfaces, LinkFact, NeighbourFact, Neighbours
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.plan import Look, OutOfReach

WEB, EDGE = "web", "edge"
INVENTORY = parse_inventory(
    "{hosts: {web: {address: 203.0.113.10, upstream: edge}, other: {address: 203.0.113.99}, "
    "edge: {address: 10.9.0.1, driver: auto, may_block: [203.0.113.10/32]}}}",
    "inventory.yaml",
)
OWN, ANOTHERS = "02:00:00:00:00:10", "02:00:00:00:00:30"


def neighbour(address: str, card: str = OWN, device: str = "br0") -> NeighbourFact:
    return NeighbourFact(address=ip_address(address), device=device, link_address=card)


def card(*addresses: str, leads_out: bool = True) -> LinkFact:
    return LinkFact(device="eth0", leads_out=leads_out, addresses=tuple(map(ip_interface, addresses)))


def found(
    neighbours: Sequence[NeighbourFact],
    cards: Sequence[LinkFact] | Exception = (),
    routers_own: Sequence[str] = ("203.0.113.1/24",),
) -> Found:
    def look(wanted: Sequence[Any], needed: frozenset[str] | None = None) -> Mapping[tuple[str, Any], Look]:
        told: dict[tuple[str, Any], Look] = {}
        for host, reader in wanted:
            match (host.name, reader):
                case ("edge", Neighbours(asked=asked)):
                    there = set(asked)
                    told[host.name, reader] = tuple(n for n in neighbours if n.address in there or n.stale is False)
                case ("edge", Interfaces()):
                    own = [InterfaceFact(device="br0", address=ip_interface(address)) for address in routers_own]
                    told[host.name, reader] = tuple(own)
                case ("edge", Gateways()):
                    told[host.name, reader] = (ip_address("192.0.2.1"),)
                case ("web", Cards()):
                    told[host.name, reader] = cards if isinstance(cards, Exception) else tuple(cards)
                case _:
                    told[host.name, reader] = OutOfReach("nobody asked")
        return told

    web = INVENTORY.hosts[WEB]
    return find_addresses(INVENTORY, [web], [web], look)[WEB]


def test_what_answers_from_the_same_network_card_is_cut_off_too() -> None:
    seen = found([neighbour("203.0.113.10"), neighbour("2001:db8:113::10"), neighbour("203.0.113.30", ANOTHERS)])

    assert seen.confirmed == {ip_address("2001:db8:113::10"): EDGE}


def test_what_the_host_alone_claims_is_named_and_not_cut_off() -> None:
    seen = found(
        [neighbour("203.0.113.10"), neighbour("203.0.113.30", ANOTHERS)], [card("203.0.113.10/24", "203.0.113.30/24")]
    )

    assert seen.confirmed == {}
    assert seen.claimed == (ip_address("203.0.113.30"),)


def test_an_address_that_the_host_claims_and_the_router_sees_is_cut_off() -> None:
    seen = found([neighbour("203.0.113.10"), neighbour("203.0.113.11")], [card("203.0.113.10/24", "203.0.113.11/24")])

    assert (seen.confirmed, seen.claimed) == ({ip_address("203.0.113.11"): EDGE}, ())


def test_loopback_link_local_and_guests_addresses_are_no_claim() -> None:
    seen = found([], [card("127.0.0.1/8", "fe80::1/64"), card("172.17.0.1/16", leads_out=False)])

    assert seen.claimed == ()


def test_addresses_of_the_router_and_of_others_on_record_are_never_taken() -> None:
    seen = found(
        [neighbour("203.0.113.10"), neighbour("203.0.113.1"), neighbour("192.0.2.1"), neighbour("203.0.113.99")]
    )

    assert seen.confirmed == {}


def test_a_card_that_answers_for_many_is_a_routers_and_gives_nothing() -> None:
    many = [neighbour(f"203.0.113.{n}") for n in range(40, 41 + MOST_BEHIND)]

    seen = found([neighbour("203.0.113.10"), *many])

    assert (seen.confirmed, seen.shared_by) == ({}, (EDGE,))


def test_the_same_card_on_another_link_of_the_router_is_no_proof() -> None:
    seen = found([neighbour("203.0.113.10"), neighbour("198.51.100.7", device="vlan7")])

    assert seen.confirmed == {}


def test_a_host_that_cannot_be_reached_keeps_nothing_from_being_found() -> None:
    seen = found([neighbour("203.0.113.10"), neighbour("2001:db8:113::10")], OutOfReach("no answer within 10 s"))

    assert seen.confirmed == {ip_address("2001:db8:113::10"): EDGE}
    assert seen.silent == "no answer within 10 s"
