"""Blocked hosts behind a bridge: a machine forwards frames without routing, usually a hypervisor.

Rules on IP packets do not see bridged frames without br_netfilter (`bridge-nf-call-iptables`, for IPv6
`bridge-nf-call-ip6tables`): a loaded and listed table then drops nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.facts import BRIDGES, LinkFact
from stopgap.orchestrator.host import Address, Network, Scene
from stopgap.orchestrator.task import Gap, Refused
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver, some

_BY_PORT = tr("say `driver: guestport` there, if the host is a guest of it, or name the router above as `upstream`")


def refuse_bridged(block: Block, driver: Driver, facts: DeviceFacts, scene: Scene) -> None:
    """Raise Refused if every blocked address lies behind a bridge invisible to the rules."""
    passing = _passing(block, driver, facts, scene)
    if passing and len(passing) == len(block.addresses):
        bridge = next(iter(passing.values()))
        raise Refused(_bridge_text(tuple(passing), bridge, driver, facts, scene))


def bridge_gaps(block: Block, driver: Driver, facts: DeviceFacts, scene: Scene) -> Iterator[Gap]:
    """Yield a gap for each bridge with part of the blocked addresses behind."""
    passing = _passing(block, driver, facts, scene)
    for bridge in dict.fromkeys(passing.values()):
        networks = tuple(n for n, name in passing.items() if name == bridge)
        yield Gap(text=_bridge_text(networks, bridge, driver, facts, scene), at_best="partly")
    router = scene.on.name
    for network in block.addresses:
        device = _beside_the_way_out(network, facts, scene)
        if device and _bridge(device, facts) is None:
            yield Gap(
                text=tr(
                    "{value} lies on {device}, by which {router} itself goes out: its packets need not cross the "
                    "router",
                    value=some((network,)),
                    device=device,
                    router=router,
                ),
                at_best="partly",
            )
        elif network not in passing and _by_default_gateway(network, facts):
            yield Gap(
                text=tr(
                    "{router} reaches {value} by its own default gateway: its packets need not cross the router",
                    router=router,
                    value=some((network,)),
                ),
                at_best="partly",
            )


def _bridge_text(networks: tuple[Network, ...], bridge: str, driver: Driver, facts: DeviceFacts, scene: Scene) -> str:
    return tr(
        "the bridge {bridge} of {router} hands on the packets of {networks} past its rules: {advice}",
        bridge=bridge,
        router=scene.on.name,
        networks=some(networks),
        advice=_advice(networks, bridge, driver, facts),
    )


def _advice(networks: tuple[Network, ...], bridge: str, driver: Driver, facts: DeviceFacts) -> str:
    link = facts.links.of(bridge)
    if not driver.capabilities.bridged or link is None or link.kind != "bridge":
        return _BY_PORT
    switches = {4: "bridge-nf-call-iptables", 6: "bridge-nf-call-ip6tables"}
    return tr(
        "{by_port}, or set net.bridge.{switch}=1 there (br_netfilter)",
        by_port=_BY_PORT,
        switch=switches[networks[0].version],
    )


def _passing(block: Block, driver: Driver, facts: DeviceFacts, scene: Scene) -> dict[Network, str]:
    """Return the blocked networks invisible to the rules, each with the bridge."""
    found: dict[Network, str] = {}
    for network in block.addresses:
        device = _beside_the_way_out(network, facts, scene) or _elsewhere(network, facts)
        bridge = _bridge(device, facts)
        if bridge and not (driver.capabilities.bridged and _filters(bridge, network)):
            found[network] = bridge.device
    return found


def _beside_the_way_out(network: Network, facts: DeviceFacts, scene: Scene) -> str:
    """Return the device of a blocked address if the same device leads to the world; otherwise empty."""
    device = _device(network, facts)
    forwards = facts.links.forwards4 if network.version == 4 else facts.links.forwards6
    return device if device and (forwards is False or device in _ways_out(network.version, facts, scene)) else ""


def _elsewhere(network: Network, facts: DeviceFacts) -> str:
    """Return a bridge of the machine if a blocked address is routed by the default gateway; otherwise empty.

    The machine then has no address in the host's network, and the host may be plugged into the bridge.
    """
    if not _by_default_gateway(network, facts):
        return ""
    bridges = [link.device for link in facts.links.links if link.kind in BRIDGES]
    return next((name for name in bridges if len(facts.links.ports(name)) > 1), "")


def _by_default_gateway(network: Network, facts: DeviceFacts) -> bool:
    gateways = {r.gateway for r in facts.routes if _holds(network, r.address)} & set(facts.gateways)
    return bool(gateways) and not _translated(network, facts)


def _ways_out(version: int, facts: DeviceFacts, scene: Scene) -> set[str]:
    """Return the devices towards the default gateways and towards the outside vantages."""
    outside = {address for host in scene.outside for address in host.known_addresses}
    routed = {r.device for r in facts.routes if r.address in outside and r.address.version == version and r.gateway}
    gateways = [gateway for gateway in facts.gateways if gateway.version == version]
    met = {n.device for n in facts.neighbours if n.address in gateways}
    linked = {i.device for i in facts.interfaces for gateway in gateways if _on(i.address.network, gateway)}
    return (routed | met | linked) - {""}


def _device(network: Network, facts: DeviceFacts) -> str:
    """Return the device with the blocked address on link; empty if routed further, or unknown."""
    for route in facts.routes:
        if _holds(network, route.address):
            return "" if route.gateway or route.local else route.device
    return next((n.device for n in facts.neighbours if _holds(network, n.address)), "")


def _bridge(device: str, facts: DeviceFacts) -> LinkFact | None:
    """Return the bridge of a device: the device itself, or the device below a VLAN."""
    link = facts.links.of(device)
    if link is None or link.kind in BRIDGES:
        return link
    below = facts.links.of(link.below)
    return (
        below.model_copy(update={"filters4": False, "filters6": False}) if below and below.kind in BRIDGES else None
    )


def _filters(bridge: LinkFact, network: Network) -> bool:
    return bridge.kind == "bridge" and (bridge.filters4 if network.version == 4 else bridge.filters6)


def _translated(network: Network, facts: DeviceFacts) -> bool:
    rules = [r.of for r in facts.translations.rules if r.side == "destination" and r.of is not None]
    return any(r.version == network.version and r.overlaps(network) for r in rules)


def _holds(network: Network, address: Address) -> bool:
    return address.version == network.version and address in network


def _on(network: Network, address: Address) -> bool:
    return network.version == address.version and address in network and not address.is_link_local
