"""The router of the guest's segment: the only neighbour that the guest may still exchange frames with."""

from __future__ import annotations

from dataclasses import dataclass

from stopgap.orchestrator.facts import BRIDGES
from stopgap.orchestrator.host import Address, Network
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.guest.port import Guest, is_card
from stopgap.tasks.traffic.other_ways import VIRTUAL_ROUTERS
from stopgap.tasks.traffic.segment import within

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_ROUTERS = "33:33:00:00:00:02"
"""Destination of router solicitations (RFC 4861, RFC 2464)."""


@dataclass(frozen=True)
class Peers:
    """Link-layer and IP addresses of the segment's routers, and of operators on the segment."""

    cards: tuple[str, ...] = ()
    """Link-layer addresses, sorted; empty if no router is known: then frames to and from any neighbour may pass."""
    addresses: tuple[Address, ...] = ()
    shared: bool = False
    """True for a router with a virtual link-layer address: its own frames may come from another (RFC 9568)."""

    @property
    def asked(self) -> tuple[str, ...]:
        """Return the link-layer destinations of neighbour discovery: routers, and their solicited-node groups."""
        groups = {
            f"33:33:ff:{n[0]:02x}:{n[1]:02x}:{n[2]:02x}"
            for a in self.addresses
            if a.version == 6
            for n in [a.packed[-3:]]
        }
        return tuple(sorted({*self.cards, *groups, ALL_ROUTERS}))


def peers(guest: Guest, own: tuple[Network, ...], allowed: tuple[Network, ...], facts: DeviceFacts) -> Peers:
    """Return the routers and operators on the guest's segment, by the hypervisor's addresses and neighbour table.

    Args:
        guest: the guest, with its ports.
        own: the guest's IP addresses.
        allowed: networks with an exception.
        facts: the hypervisor's links, interfaces, gateways, routes and neighbours.
    """
    devices = _segment(guest, facts)
    here = [i for i in facts.interfaces if i.device in devices]
    near = [n for n in facts.neighbours if n.device in devices and n.link_address.lower() not in guest.cards]
    routers = [n for n in near if n.address in facts.gateways]
    if not _on_link(own, devices, facts) or not (routers or facts.links.forwards4 or facts.links.forwards6):
        return Peers()
    operators = [n for n in near if within(n.address, allowed)]
    hosts = {link.link_address.lower() for link in facts.links.links if link.device in {i.device for i in here}}
    cards = {card for card in hosts | {n.link_address.lower() for n in (*routers, *operators)} if is_card(card)}
    addresses = {i.address.ip for i in here} | {n.address for n in near if n.link_address.lower() in cards}
    return Peers(
        cards=tuple(sorted(cards)),
        addresses=tuple(sorted(addresses, key=lambda a: (a.version, int(a)))),
        shared=any(card.startswith(tuple(VIRTUAL_ROUTERS)) for card in cards),
    )


def _segment(guest: Guest, facts: DeviceFacts) -> frozenset[str]:
    """Return the devices on which the hypervisor itself meets the guest: its bridges, and what lies on these."""
    ports = [link for link in facts.links.links if link.device in guest.ports]
    found = {link.bridge for link in ports if link.bridge} or {link.device for link in ports}
    while True:
        joined = {
            other.bridge
            for link in facts.links.links
            if link.bridge in found and (other := facts.links.of(link.below)) and other.bridge
        }
        if joined <= found:
            break
        found |= joined
    for switch in facts.switches:  # of the userspace datapath, which no link names
        if any(switch.port(port) for port in guest.ports):
            found |= {switch.bridge, *(port.device for port in switch.ports if port.internal)}
    above = {link.device for link in facts.links.links if link.below in found and not link.bridge}
    switches = {link.device for link in facts.links.links if link.kind == BRIDGES[1]}
    return frozenset(found | above | (switches if switches & found else set()))


def _on_link(own: tuple[Network, ...], devices: frozenset[str], facts: DeviceFacts) -> bool:
    """Return True if the hypervisor reaches an address of the guest on the segment without a router."""
    routed = any(
        r.device in devices and not r.gateway and not r.local and within(r.address, own) for r in facts.routes
    )
    nets = [i.address.network for i in facts.interfaces if i.device in devices and not i.address.is_link_local]
    return routed or any(n.version == net.version and n.overlaps(net) for n in own for net in nets)
