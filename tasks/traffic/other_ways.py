"""Paths of the target around the router: another gateway, or a router with a shared address (VRRP)."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.facts import Gateways, Redundancy, RedundancyFact, RoutedBy
from stopgap.orchestrator.host import Address, Network, Scene
from stopgap.orchestrator.task import At, Gap, Probe, Unlimited
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.other_addresses import tells
from stopgap.tasks.traffic.segment import devices_of

VIRTUAL_ROUTERS = {
    "00:00:5e:00:01:": "VRRP",
    "00:00:5e:00:02:": "VRRP",
    "00:00:0c:07:ac:": "HSRP",
    "00:00:0c:9f:f": "HSRP",
    "00:05:73:a0:0": "HSRP",
    "00:07:b4:": "GLBP",
}
"""How the link-layer addresses begin that routers share (RFC 9568, and Cisco's)."""
_BOTH = Unlimited(why=tr("the inventory names another upstream, which drops too, and is proved by itself"))
_BEFORE = Unlimited(why=tr("it lies between the target and the router, which all that it forwards still crosses"))


def reads_of_other_ways(addresses: tuple[Address, ...], scene: Scene) -> Probe:
    """Return readers by field of DeviceFacts. No block waits for a slow answer."""
    if scene.upstream is None or scene.upstream.name != scene.on.name:
        return {}
    of_target = {"sends_by": At("target", Gateways())} if tells(scene) else {}
    return {
        "redundancy": At("upstream", Redundancy()),
        "routed_to_it": At("upstream", RoutedBy(addresses)),
        **of_target,
    }


def gaps(blocked: tuple[Network, ...], facts: DeviceFacts, scene: Scene) -> Iterator[Gap]:
    """Yield gaps for gateways missing from the target's upstreams, and for routers with shared addresses."""
    who, router = scene.target.name, scene.on.name
    devices = devices_of(blocked, facts)
    known = _routers(facts, scene)
    for gateway in facts.sends_by or ():
        # A router's link-local addresses are unknown without facts of the router's interfaces.
        unknown = gateway.is_link_local and (gateway.version == 4 or not facts.interfaces)
        if gateway not in known and not unknown and not _in_a_tunnel(gateway, facts):
            yield Gap(
                text=tr(
                    "{who} sends by {gateway}, which is no address of {scene}: if another router has it, name "
                    "that one in `upstream`",
                    who=who,
                    gateway=gateway,
                    scene=_all(scene),
                ),
                at_best="partly" if devices else _BEFORE,
            )
    for neighbour in facts.neighbours:
        shared = next(
            (name for start, name in VIRTUAL_ROUTERS.items() if neighbour.link_address.startswith(start)), ""
        )
        if shared and neighbour.device in devices and neighbour.address not in known:
            yield Gap(
                text=tr(
                    "{address} on {who}'s segment is shared by routers ({shared}), and another one has it now: "
                    "name that one in `upstream`",
                    address=neighbour.address,
                    who=who,
                    shared=shared,
                ),
                at_best="partly",
            )
    redundancy = facts.redundancy or RedundancyFact()
    if links := [device for device in redundancy.devices if not devices or device in devices]:
        yield Gap(
            text=tr(
                "{router} shares addresses with another router (VRRP, HSRP or CARP on {links}): what takes "
                "over for it drops nothing unless it is in `upstream` too",
                router=router,
                links=", ".join(links),
            ),
            at_best=_BOTH if scene.beside else "partly",
        )
    elif redundancy.daemons:
        yield Gap(
            text=tr(
                "{daemons} runs on {router}, which may share addresses with another router: what takes over "
                "for it drops nothing unless it is in `upstream` too",
                daemons=", ".join(redundancy.daemons),
                router=router,
            ),
            at_best=_BOTH if scene.beside else "unverified",
        )


def _in_a_tunnel(gateway: Address, facts: DeviceFacts) -> bool:
    """Return True if the target reaches a gateway by a tunnel alone, whose own packets cross the router."""
    links = {
        card.leads_out or card.kind == "bridge"
        for card in facts.cards or ()
        for each in card.addresses
        if gateway in each.network
    }
    return links == {False}


def _routers(facts: DeviceFacts, scene: Scene) -> set[Address]:
    """Return the addresses of the target's upstreams, by inventory and by this router's interfaces."""
    own = {a for i in facts.interfaces for a in (i.address.ip, i.peer) if a}
    return own | {a for host in (scene.on, *scene.upstreams) for a in host.known_addresses}


def _all(scene: Scene) -> str:
    names = dict.fromkeys(host.name for host in (scene.on, *scene.upstreams))
    return " or ".join(names)
