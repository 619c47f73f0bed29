"""Port probes: ports and vantages to verify a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from stopgap.orchestrator.check import Check, Outbound, Port
from stopgap.orchestrator.host import Address, CheckVantage, Host, Network, Scene
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver
from stopgap.tasks.traffic.nat import fronts
from stopgap.tasks.traffic.segment import shares_segment
from stopgap.tasks.traffic.selection import diverts_beside

WEB = (80, 443)
SAMPLED = 8
"""Blocked networks that are knocked on from outside; a longer list is sampled evenly."""


def outside_vantages(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> tuple[CheckVantage, ...]:
    """Return the vantages with a path to the blocked addresses through the block, and without an exception.

    Without any vantage, the result is the missing `outside` of the inventory, so the verdict names the missing
    vantage.
    """
    outside = scene.outside and not any(_reaches(host, driver, block, facts) for host in scene.outside)
    at_hand = driver.capabilities.where == "device" and scene.on.has_shell
    spare = at_hand and scene.spare is not None and not _reaches(scene.spare, driver, block, facts)
    vantages: tuple[CheckVantage, ...] = (*(("outside",) if outside else ()), *(("spare",) if spare else ()))
    return vantages or ("outside",)


def port_probes(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Port]:
    """Yield port probes to the blocked addresses, and from outside to public addresses translated to these
    addresses.
    """
    public = [front for front in fronts(block.addresses, facts) if front.address.num_addresses == 1][:SAMPLED]
    for vantage in outside_vantages(driver, block, facts, scene):
        for network in sample(block.addresses):
            for port in ports_to_probe(block, network):
                if port in WEB and driver.capabilities.by_port and diverts_beside(scene):
                    continue  # the spare answers there
                yield Port(vantage=vantage, containment=True, address=one_of(network), port=port, expect="silent")
        for front in () if block.partial or vantage != "outside" else public:
            for port in front.ports or (22, 25, 80, 443):
                yield Port(
                    vantage=vantage, containment=True, address=one_of(front.address), port=port, expect="silent"
                )


def ports_to_probe(block: Block, network: Network) -> tuple[int, ...]:
    """Return the TCP ports expected to be silent."""
    if block.ports:
        return tuple(s.port for s in block.ports if s.protocol == "tcp")
    open_ones = {s.port for s in block.services if s.protocol == "tcp"}
    return tuple(p for p in ((22, 25) if block.spare_for(network) else (22, 25, 80, 443)) if p not in open_ones)


def outbound(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
    """Yield checks of outgoing packets from the target to the same vantages.

    Only a block of all outgoing packets of the target has such checks: a provider's block names addresses of others.
    """
    if not any(holds(block.dropped, address) for address in scene.target.known_addresses):
        return
    if block.partial or "from" not in driver.capabilities.directions or scene.target.cli is not None:
        return
    # A provider's rules spread with delay, and the outside host may be the provider's own dropping router.
    upstream_drops = driver.capabilities.where == "provider"
    patience = 5.0 if upstream_drops else 0.0
    for vantage in outside_vantages(driver, block, facts, scene):
        if scene.seen_from(vantage):
            yield Outbound(
                vantage=vantage,
                containment=True,
                sender=scene.target.name,
                patience=patience,
                wire=not upstream_drops,
            )


def way_in(block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
    """Yield a check of the operator's login to a target reachable before, without a jump host."""
    target = scene.target
    if facts.claimed_origin is None or target.jump or target.connection != "ssh" or target.name == scene.on.name:
        return
    try:
        address = ip_address(target.address)
    except ValueError:
        return
    if holds(block.addresses, address):
        yield Port(vantage="controller", address=address, port=target.port, expect="open")


def sample(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    step = max(1, -(-len(networks) // SAMPLED))
    return networks[::step]


def one_of(network: Network) -> Address:
    """Return a usable host address of the network."""
    return network[0] if network.num_addresses <= 2 else network[1]


def holds(networks: Iterable[Network], address: Address | None) -> bool:
    return address is not None and any(address.version == n.version and address in n for n in networks)


def _reaches(host: Host, driver: Driver, block: Block, facts: DeviceFacts) -> bool:
    beside = not driver.capabilities.by_port and shares_segment(host, block, facts)
    return beside or any(holds(block.allowed, a) for a in host.addresses)
