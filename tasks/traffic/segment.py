"""Neighbours on the target's segment: packets between such hosts never cross the router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from stopgap.orchestrator.host import Address, Host, Network, Scene
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.orchestrator.text import tr, trn
from stopgap.tasks.traffic.driver import Block, DeviceFacts

NAMED = 6
"""Hosts that are named one by one; of the rest, how many."""
MOST_ASKED = 512
"""Addresses of other hosts that a router is asked about."""
_BESIDE = Unlimited(why=tr("the verdict is on packets that cross the router, and these never do"))


def devices_of(blocked: tuple[Network, ...], facts: DeviceFacts) -> frozenset[str]:
    """Return the router's devices with blocked addresses on link.

    For addresses without a route lookup, such as an address behind NAT, the router's neighbour table decides.
    """
    direct = (route for route in facts.routes if route.device and not route.gateway and not route.local)
    routed = {route.device for route in direct if within(route.address, blocked)}
    asked = {route.address for route in facts.routes}
    met = (n for n in facts.neighbours if n.address not in asked and within(n.address, blocked))
    return frozenset(routed | {neighbour.device for neighbour in met})


def on_segment(block: Block, facts: DeviceFacts) -> frozenset[Address]:
    """Return the addresses asked of the router whose packets to a blocked host bypass the router."""
    devices = devices_of(block.dropped, facts)
    return frozenset(route.address for route in facts.routes if route.device in devices and not route.gateway)


def shares_segment(host: Host, block: Block, facts: DeviceFacts) -> bool:
    """Return True if packets between this host and a blocked host bypass the router."""
    return not on_segment(block, facts).isdisjoint(host.addresses)


def gaps(block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Gap]:
    """Yield a gap for the neighbours of the blocked addresses."""
    who = scene.target.name if scene.target.name != scene.on.name else tr("the blocked host")
    others = _others(scene)
    routers = {address for host in scene.beside for address in host.addresses}
    here = on_segment(block, facts)
    beside = [f"{h.addresses[0]} ({h.name})" for h in others if not here.isdisjoint(h.addresses)]
    known = set(neighbours_to_ask(scene)) | routers
    devices = devices_of(block.dropped, facts)
    blocked_links = {n.link_address for n in facts.neighbours if within(n.address, block.dropped)}
    strangers: dict[str, Address] = {}
    for neighbour in facts.neighbours:
        linked = neighbour.device in devices and not neighbour.address.is_link_local
        if linked and neighbour.address not in known and neighbour.link_address not in blocked_links:
            strangers.setdefault(neighbour.link_address, neighbour.address)
    known_links = {n.link_address for n in facts.neighbours if n.address in known}
    beside += [str(address) for link, address in strangers.items() if link not in known_links]
    if beside:
        named = ", ".join(beside[:NAMED]) + (
            tr(" and {count} more", count=len(beside) - NAMED) if len(beside) > NAMED else ""
        )
        yield Gap(
            text=trn(
                "{named} shares {who}'s segment; an upstream cannot part them",
                "{named} share {who}'s segment; an upstream cannot part them",
                len(beside),
                named=named,
                who=who,
            ),
            at_best=_BESIDE,
        )
    gateways = (r.gateway for r in facts.routes if r.gateway and within(r.address, block.addresses))
    for gateway in dict.fromkeys(g for g in gateways if g not in routers):
        yield Gap(
            text=tr(
                "{who} is reached through {gateway}; what lies on that side of it is not parted from {who}",
                who=who,
                gateway=gateway,
            ),
            at_best=_BESIDE,
        )


def _others(scene: Scene) -> tuple[Host, ...]:
    """Return the inventory's hosts with addresses, except the target and the target's routers."""
    known = {h.name: h for h in (*((scene.spare,) if scene.spare else ()), *scene.others) if h.addresses}
    return tuple(h for name, h in sorted(known.items()) if name not in {scene.target.name, scene.on.name})


def others_on_record(scene: Scene) -> Iterator[tuple[Network, str]]:
    """Yield the addresses of all other hosts of the inventory, each with the owner."""
    for host in _others(scene):
        yield from ((ip_network(address), tr("it is {host}'s", host=host.name)) for address in host.addresses)


def neighbours_to_ask(scene: Scene) -> tuple[Address, ...]:
    """Return the addresses of the other hosts, for route lookups on the router.

    Of more than MOST_ASKED addresses the nearest to the target's are returned: a segment is a range of addresses, and
    the router starts a program for each. A host farther away still shows in the router's table of neighbours.
    """
    addresses = tuple(address for host in _others(scene) for address in host.addresses)
    if len(addresses) <= MOST_ASKED:
        return addresses
    own = scene.target.known_addresses

    def distance(address: Address) -> int:
        return min((abs(int(address) - int(a)) for a in own if a.version == address.version), default=1 << 128)

    return tuple(sorted(addresses, key=distance)[:MOST_ASKED])


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Return True if a network contains the address."""
    return any(ip_network(address).version == n.version and address in n for n in networks)
