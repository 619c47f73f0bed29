"""The ports of the blocked guest: by the hypervisor's configuration, confirmed by the forwarding table.

Addresses are resolved by configuration where a tool records these, and otherwise by the neighbour table, which a
guest can forge; the guest's name in the inventory (`guest`) needs neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from stopgap.orchestrator.facts import ForwardingFact, GuestPortFact
from stopgap.orchestrator.host import Address, Host, Network
from stopgap.orchestrator.task import Refused, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import NAMED, DeviceFacts, some
from stopgap.tasks.traffic.segment import within

NAME_IT = tr("name the guest, or its port, as the target's `guest` in the inventory")
_CARD = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_UPLINKS = frozenset({"bond", "team", "vlan", "bridge", "vxlan", "gre", "gretap", "geneve"})


@dataclass(frozen=True)
class Guest:
    """The guest to part from its segment."""

    name: str
    ports: tuple[str, ...]
    """Devices on the hypervisor, sorted."""
    cards: tuple[str, ...]
    """Link-layer addresses by configuration, sorted."""
    own: tuple[Network, ...] = ()
    """IP addresses by configuration."""
    beside: tuple[str, ...] = ()
    """Link-layer addresses of the guest's interfaces without a port (PCI passthrough)."""
    held: tuple[GuestPortFact, ...] = ()
    """The guest's interfaces, by the tool that knows them."""
    elsewhere: tuple[str, ...] = ()
    """Ports of others, with a latest frame from a link-layer address of the guest."""
    by_neighbours_alone: bool = False
    """True if only the neighbour table, and the forwarding table, connect the addresses with the guest."""


def find(addresses: tuple[Network, ...], target: Host, facts: DeviceFacts, in_force: Iterable[str], on: str) -> Guest:
    """Return the guest with the addresses.

    Args:
        addresses: the blocked networks.
        target: the target, with the guest's name if the inventory has one.
        facts: the hypervisor's guests, links, neighbours and forwarding table.
        in_force: link-layer addresses dropped now; a guest that is cut off leaves the hypervisor's tables.
        on: the hypervisor's name.

    Raises Refused for an uplink, or for contradicting tables; Unplannable without a guest.
    """
    known = _once([_placed(port, facts) for port in facts.guest_ports if _is_there(port, facts)])
    if target.guest:
        guest = _named(target.guest, known, facts, addresses, in_force, on)
    else:
        guest = _of_addresses(addresses, known, facts, frozenset(in_force), on)
    for port in guest.ports:
        _refuse_uplink(port, facts, on)
    return guest


def learnt(facts: DeviceFacts) -> tuple[ForwardingFact, ...]:
    """Return the forwarding tables of all bridges of the host, of Linux and of Open vSwitch."""
    by_switch = (
        ForwardingFact(link_address=card, device=device, bridge=switch.bridge)
        for switch in facts.switches
        for card, device in switch.learnt
    )
    return (*facts.forwarding, *by_switch)


def _is_there(port: GuestPortFact, facts: DeviceFacts) -> bool:
    return not port.device or port.socket or _is_port(port.device, facts)


def _placed(port: GuestPortFact, facts: DeviceFacts) -> GuestPortFact:
    """Return a port without a device that the host lacks, as of a socket that no bridge of the host's serves."""
    gone = port.device and not _is_port(port.device, facts)
    return port.model_copy(update={"device": ""}) if gone else port


def _is_port(device: str, facts: DeviceFacts) -> bool:
    return facts.links.of(device) is not None or any(switch.port(device) for switch in facts.switches)


def _named(
    name: str,
    known: list[GuestPortFact],
    facts: DeviceFacts,
    addresses: tuple[Network, ...],
    in_force: Iterable[str],
    on: str,
) -> Guest:
    mine = [port for port in known if name in port.names]
    if len({(port.tool, port.names) for port in mine}) > 1:
        several = ", ".join(sorted({f"{'/'.join(port.also) or port.guest} ({port.tool})" for port in mine}))
        raise Refused(
            tr(
                "{host} has several guests {name}: {several}; {name_it} by its number or UUID",
                host=on,
                name=name,
                several=several,
                name_it=NAME_IT,
            )
        )
    if mine:
        return _guest(mine, facts)
    if not _is_port(name, facts):
        raise Unplannable(
            tr("{host} has no guest and no port {name}; {listed}", host=on, name=name, listed=_listed(known, on))
        )
    seen_there = {e.link_address for e in learnt(facts) if e.device == name and is_card(e.link_address)}
    met = {n.link_address.lower() for n in facts.neighbours if within(n.address, addresses)}
    known_cards = {card for card in met | set(in_force) if is_card(card)}
    cards = seen_there & known_cards or seen_there or known_cards
    if not cards or (len(cards) > 1 and not cards <= known_cards):
        seen = tr("{count} link-layer addresses", count=len(cards)) if cards else tr("no frame yet")
        raise Refused(
            tr(
                "port {name} of {host} shows {seen}, and none of {addresses}: it may be no guest's port",
                name=name,
                host=on,
                seen=seen,
                addresses=some(addresses),
            )
        )
    return Guest(name, (name,), tuple(sorted(cards)))


def _of_addresses(
    addresses: tuple[Network, ...],
    known: list[GuestPortFact],
    facts: DeviceFacts,
    in_force: frozenset[str],
    on: str,
) -> Guest:
    told = [port for port in known if any(within(address, addresses) for address in port.addresses)]
    met = {n.link_address.lower() for n in facts.neighbours if within(n.address, addresses)}
    dropped = [port for port in known if port.link_address and port.link_address in in_force]
    found = told or dropped or [port for port in known if port.link_address in met]
    who = some(addresses)
    if not found:
        raise Unplannable(
            tr(
                "no guest of {host} is known to have {who}: {name_it}; {listed}",
                host=on,
                who=who,
                name_it=NAME_IT,
                listed=_listed(known, on),
            )
        )
    names = sorted({port.guest for port in found})
    if len({(port.tool, port.names) for port in found}) > 1:
        raise Refused(
            tr(
                "{who} leads to several guests of {host}: {names}; {name_it}",
                who=who,
                host=on,
                names=", ".join(names),
                name_it=NAME_IT,
            )
        )
    mine = [port for port in known if (port.tool, port.names) == (found[0].tool, found[0].names)]
    guest = _guest(mine, facts, by_neighbours_alone=not (told or dropped))
    if guest.elsewhere and not dropped:
        raise Refused(
            tr(
                "{host}'s forwarding table has the link-layer address of {guest} at {elsewhere}, the "
                "configuration at {ports}: {name_it}",
                host=on,
                guest=guest.name,
                elsewhere=", ".join(guest.elsewhere),
                ports=", ".join(guest.ports),
                name_it=NAME_IT,
            )
        )
    seen_there = {entry.link_address for entry in learnt(facts) if entry.device in guest.ports}
    if guest.by_neighbours_alone and not seen_there & set(guest.cards):
        raise Refused(
            tr(
                "{host}'s forwarding table does not show {guest} at {ports}: {name_it}",
                host=on,
                guest=guest.name,
                ports=", ".join(guest.ports),
                name_it=NAME_IT,
            )
        )
    return guest


def _guest(mine: list[GuestPortFact], facts: DeviceFacts, *, by_neighbours_alone: bool = False) -> Guest:
    ports = tuple(sorted({port.device for port in mine if port.device}))
    cards = tuple(sorted({port.link_address for port in mine if port.device and port.link_address}))
    if not ports and not any(port.link_address for port in mine):
        raise Unplannable(
            tr("{guest} has no port on the hypervisor's network: it is off, or passes it by", guest=mine[0].guest)
        )
    ways_on = _ways_on(facts)
    elsewhere = {
        entry.device
        for entry in learnt(facts)
        if entry.link_address in cards and entry.device not in {*ports, *ways_on} and _is_port(entry.device, facts)
    }
    own = sorted({_host(address) for port in mine for address in port.addresses}, key=lambda n: (n.version, n))
    return Guest(
        name=mine[0].guest,
        ports=ports,
        cards=cards,
        own=tuple(own),
        beside=tuple(sorted(port.link_address for port in mine if not port.device)),
        held=tuple(mine),
        elsewhere=tuple(sorted(elsewhere)),
        by_neighbours_alone=by_neighbours_alone,
    )


def _ways_on(facts: DeviceFacts) -> frozenset[str]:
    """Return the ports that only join two bridges of the host, as the firewall's of Proxmox VE do."""
    joined = {link.device for link in facts.links.links if link.bridge and facts.links.of(link.below)}
    return frozenset(joined | {link.below for link in facts.links.links if link.device in joined})


def _refuse_uplink(device: str, facts: DeviceFacts, on: str) -> None:
    link = facts.links.of(device)
    if link is None:
        return
    routers = {n.link_address.lower() for n in facts.neighbours if n.address in facts.gateways}
    leads_on = any(e.device == device and e.link_address in routers for e in learnt(facts))
    named = {port.device for port in facts.guest_ports}
    if leads_on or link.kind in _UPLINKS or (not link.kind and device not in named):
        raise Refused(
            tr(
                "{device} of {host} is an uplink, no guest's port: more than one host would be cut off",
                device=device,
                host=on,
            )
        )


def is_card(text: str) -> bool:
    """Return True for a link-layer address of Ethernet, in lower case, of a single card."""
    return bool(_CARD.fullmatch(text)) and not int(text[:2], 16) & 1


def _once(ports: list[GuestPortFact]) -> list[GuestPortFact]:
    """Return each device once, by the first tool that knows it: a switch knows the hypervisor's ports, too."""
    first: dict[str, GuestPortFact] = {}
    for port in ports:
        first.setdefault(port.device or f"{port.tool} {port.link_address}", port)
    return list(first.values())


def _listed(known: list[GuestPortFact], on: str) -> str:
    names = sorted({port.guest for port in known})
    if not names:
        return tr("no tool of {host} tells of a guest", host=on)
    more = tr(" and {count} more", count=len(names) - NAMED) if len(names) > NAMED else ""
    return tr("its guests: {names}{more}", names=", ".join(names[:NAMED]), more=more)


def _host(address: Address) -> Network:
    return ip_network(address)
