"""What is knocked on from outside, and from where, to see whether a block holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from stopgap.orchestrator.check import Check, Outbound, Port
from stopgap.orchestrator.host import Address, CheckVantage, Host, Network, Scene
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver
from stopgap.tasks.traffic.nat import fronts
from stopgap.tasks.traffic.segment import shares_segment

SAMPLED = 8
"""Blocked networks that are knocked on from outside; a longer list is sampled evenly."""


def outside_vantages(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> tuple[CheckVantage, ...]:
    """Give the eyes whose packets to the blocked addresses meet what drops them, and are not let through.

    Where there is none, the `outside` that the inventory lacks is named, so that the verdict says what is missing.
    """
    outside = scene.outside and not any(_reaches(host, block, facts) for host in scene.outside)
    at_hand = driver.capabilities.where == "device" and scene.on.cli is None
    spare = at_hand and scene.spare is not None and not _reaches(scene.spare, block, facts)
    vantages: tuple[CheckVantage, ...] = (*(("outside",) if outside else ()), *(("spare",) if spare else ()))
    return vantages or ("outside",)


def port_probes(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Port]:
    """Knock on the blocked addresses, and from outside on the public ones by which the router's NAT leads to them."""
    public = [front for front in fronts(block.addresses, facts) if front.address.num_addresses == 1][:SAMPLED]
    for vantage in outside_vantages(driver, block, facts, scene):
        for network in sample(block.addresses):
            for port in ports_to_probe(block, network):
                yield Port(vantage=vantage, containment=True, address=one_of(network), port=port, expect="silent")
        for front in () if block.partial or vantage != "outside" else public:
            for port in front.ports or (22, 25, 80, 443):
                yield Port(
                    vantage=vantage, containment=True, address=one_of(front.address), port=port, expect="silent"
                )


def ports_to_probe(block: Block, network: Network) -> tuple[int, ...]:
    """Give the TCP ports that have to be silent."""
    if block.ports:
        return tuple(s.port for s in block.ports if s.protocol == "tcp")
    open_ones = {s.port for s in block.services if s.protocol == "tcp"}
    return tuple(p for p in ((22, 25) if block.spare_for(network) else (22, 25, 80, 443)) if p not in open_ones)


def outbound(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
    """Have the target send to the same eyes, where all that it sends is to be dropped."""
    if block.partial or "from" not in driver.capabilities.directions or scene.target.cli is not None:
        return
    # A provider's rules take their time to spread, and the host outside may be the provider's router that drops.
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
    """See that the operator still reaches a target that was within reach before, where no jump host is needed."""
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
    """Give an address of the network that a host may have."""
    return network[0] if network.num_addresses <= 2 else network[1]


def holds(networks: Iterable[Network], address: Address | None) -> bool:
    return address is not None and any(address.version == n.version and address in n for n in networks)


def _reaches(host: Host, block: Block, facts: DeviceFacts) -> bool:
    return shares_segment(host, block, facts) or any(holds(block.allowed, a) for a in host.addresses)
