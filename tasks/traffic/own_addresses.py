"""The router's own addresses inside a wider blocked network: left out, so that a router can block all it routes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from stopgap.orchestrator.host import Address, Network, Scene
from stopgap.orchestrator.task import Note
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import DeviceFacts, collapsed, some


def without_own(networks: tuple[Network, ...], facts: DeviceFacts, scene: Scene) -> tuple[Network, ...]:
    """Return the networks without the router's own addresses.

    A network of a single address is kept, and so is one outside `may_block`, for the guards to refuse.

    >>> from stopgap.orchestrator.host import Host
    >>> net = ip_network("203.0.113.0/30")
    >>> edge = Host(name="edge", address="203.0.113.1", may_block=(net,))
    >>> scene = Scene(target=Host(name="web", address="web"), on=edge)
    >>> [str(n) for n in without_own((net,), DeviceFacts(), scene)]
    ['203.0.113.0/32', '203.0.113.2/31']
    """
    for address in _own(facts, scene):
        networks = tuple(part for network in networks for part in _without(network, address, scene.on.may_block))
    return collapsed(networks)


def own_notes(networks: tuple[Network, ...], facts: DeviceFacts, scene: Scene) -> Iterator[Note]:
    """Yield a note on the router's own addresses inside the networks."""
    wide = [network for network in networks if network.num_addresses > 1]
    found = tuple(ip_network(a) for a in _own(facts, scene) if any(a.version == n.version and a in n for n in wide))
    if found:
        yield Note(
            text=tr("{own} is {router}'s own, and is left out of the block", own=some(found), router=scene.on.name)
        )


def _own(facts: DeviceFacts, scene: Scene) -> list[Address]:
    known = {interface.address.ip for interface in facts.interfaces} | set(scene.on.known_addresses)
    return sorted(known, key=lambda address: (address.version, int(address)))


def _without(network: Network, address: Address, may_block: tuple[Network, ...]) -> Iterator[Network]:
    permitted = any(network.version == n.version and network.subnet_of(n) for n in may_block)  # type: ignore[arg-type]
    if network.num_addresses == 1 or address.version != network.version or address not in network or not permitted:
        yield network
    else:
        yield from network.address_exclude(ip_network(address))  # type: ignore[arg-type]
