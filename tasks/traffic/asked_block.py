"""What a `traffic.block` step asks for: its parameters, and the block that they mean on a router."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.host import Address, Network, Scene
from stopgap.orchestrator.task import Parameters, Refused
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import (
    FRESH,
    NOBODY,
    Block,
    DeviceFacts,
    Driver,
    Service,
    address_text,
    collapsed,
    in_order,
)
from stopgap.tasks.traffic.drivers import LINUX
from stopgap.tasks.traffic.multi_upstream import share
from stopgap.tasks.traffic.operators import operators
from stopgap.tasks.traffic.own_addresses import without_own
from stopgap.tasks.traffic.ownership import own_place
from stopgap.tasks.traffic.selection import selected
from stopgap.tasks.traffic.whole_host import with_the_host

RENEWED = 2.0
"""What no block has left of its time, so that it is always made anew (`Block.fresh`)."""

ServiceText: TypeAlias = Annotated[str, Field(pattern=r"^(tcp|udp)/([1-9][0-9]{0,4})$")]


class Params(Parameters):
    """Addresses to block, exceptions, and expiry."""

    addresses: tuple[Network, ...] | None = Field(
        default=None,
        min_length=1,
        description="Addresses and networks to block. Default: all `addresses` of the target.",
    )
    allow: tuple[Network, ...] = Field(
        default=(),
        description="Addresses and networks with an exception: these still reach the blocked addresses. The "
        "operator's own address is always added.",
    )
    expires: Duration = Field(
        default=timedelta(hours=72),
        ge=timedelta(seconds=1),
        le=timedelta(days=365),
        description="Time until the router ends the block by itself, from a second to a year.",
    )
    renew: bool = Field(
        default=False,
        description="Restart the time of a block in force. Default: only after a tenth of the time.",
    )
    direction: Literal["both", "from", "to"] = Field(
        default="both",
        description="Packets to drop: `from` the addresses, `to` the addresses, or `both`.",
    )
    allow_services: tuple[ServiceText, ...] = Field(
        default=(),
        description="Services of the addresses to leave open to everybody, such as `tcp/80`.",
    )
    ports: tuple[ServiceText, ...] = Field(
        default=(),
        description="Drop only packets to these ports, such as `tcp/25`. Default: all packets.",
    )
    log: bool = Field(
        default=False,
        description="Have the router log dropped packets, five a minute at most.",
    )
    persist: bool = Field(
        default=False,
        description="Keep the block over a reboot of the router, until the same end.",
    )
    max_prefix: int = Field(
        default=24,
        ge=0,
        le=32,
        description="The shortest IPv4 prefix to block; a wider network is refused, whatever `may_block` says.",
    )
    max_prefix6: int = Field(
        default=48,
        ge=0,
        le=128,
        description="The same for IPv6.",
    )
    web_to: Literal["spare", "drop"] | None = Field(
        default=None,
        description="Where web traffic to them (TCP 80 and 443) goes: `spare`, or `drop`, which is nowhere. "
        "Default: `spare` where the target has one. UDP 443 is dropped either way.",
    )
    if_one_fails: Literal["undo", "keep"] = Field(
        default="keep",
        description="Where the target has several upstreams, and one cannot be made to drop: `keep` what the others "
        "drop, and go on, or `undo` it, so that all drop or none.",
    )


def _no_addresses(scene: Scene) -> Refused:
    return Refused(
        tr("{target} has no `addresses` in the inventory, and the step names none to block", target=scene.target.name)
    )


def plain_block(params: Params, scene: Scene) -> Block:
    """Return the addresses to block as a block, for guards that need no driver."""
    addresses = without_own(networks_here(params, scene), DeviceFacts(), scene)
    if not addresses:
        raise _no_addresses(scene)
    return Block(label_of(params, scene), addresses, collapsed(params.allow), (), params.expires)


def networks_here(params: Params, scene: Scene) -> tuple[Network, ...]:
    """Return the networks to block on this router, each as it was named, once; IPv4 first, sorted."""
    return share(networks_asked(params, scene), scene)


def networks_asked(params: Params, scene: Scene) -> tuple[Network, ...]:
    """Return the networks to block on any router of the target, each as it was named, once; IPv4 first, sorted.

    What is judged of a network (`max_prefix`, `may_block`, whether it is the router's own address) holds for what was
    named: adjacent addresses that are joined make a wider network that nobody asked for.
    """
    if params.addresses is not None:
        return in_order(params.addresses)
    target = scene.target
    try:
        return in_order(ip_network(a) for a in target.addresses or (ip_address(target.address),))
    except ValueError:
        return ()


def label_of(params: Params, scene: Scene) -> str:
    """Return the block's label: the target's name, or a hash of explicit addresses, so two blocks stay separate."""
    if params.addresses is None:
        plain = re.sub(r"[^a-z0-9_]", "_", scene.target.name)[:40]
        return plain if plain == scene.target.name else f"{plain}_{_short_hash(scene.target.name)}"
    networks = [address_text(network) for network in collapsed(networks_asked(params, scene))]
    first = re.sub(r"[^a-z0-9]", "_", networks[0])
    rest = len(networks) - 1
    return f"{first}_and_{rest}_{_short_hash(' '.join(networks))}" if rest else first


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def own_facts(params: Params, facts: DeviceFacts, scene: Scene) -> tuple[Driver, str, DeviceFacts]:
    """Return the driver, the label of this controller's block on the router, and the facts of the block."""
    driver = selected(scene).told(facts)
    return driver, *own_place(driver, label_of(params, scene), facts, scene)


def block_of(params: Params, facts: DeviceFacts, scene: Scene, *, label: str = "", standing: bool = False) -> Block:
    """Return the block that a step asks for on the router of the scene.

    Args:
        params: the parameters of the step.
        facts: what was read on the router.
        scene: target, router, spare and controller.
        label: the label of a block in force on the router; empty for the label of the step.
        standing: compare with a block in force, whose host part may not be seen any more.

    Raises Refused without addresses, or for web traffic both left open and sent to the spare.
    """
    addresses = without_own(networks_here(params, scene), facts, scene)
    if not addresses:
        raise _no_addresses(scene)
    if params.web_to == "spare" and not (scene.spare and scene.spare.addresses):
        raise Refused(
            tr("{target} has no `spare` with `addresses` to send its web traffic to", target=scene.target.name)
        )
    web_passes = any(s.protocol == "tcp" and s.port in (80, 443) for s in services_of(params.allow_services))
    if params.web_to == "spare" and web_passes:
        raise Refused(tr("web traffic either stays open (`allow_services`) or goes to the spare (`web_to`)"))
    whole = params.direction == "both" and not params.ports and not web_passes
    driver = selected(scene)
    divert = params.web_to != "drop" and whole and driver.capabilities.divert
    block = Block(
        label=label or label_of(params, scene),
        owner=scene.controller or NOBODY,
        addresses=addresses,
        allowed=collapsed((*(ip_network(a) for a in operators(facts, scene)), *params.allow)),
        spare=_one_a_family(scene.spare.addresses, addresses) if scene.spare and divert else (),
        expires=params.expires,
        fresh=RENEWED if params.renew else FRESH,
        directions=("from", "to") if params.direction == "both" else (params.direction,),
        services=services_of(params.allow_services),
        ports=services_of(params.ports),
        persist=params.persist,
        log=params.log,
    )
    return with_the_host(block, driver, facts, scene, standing=standing) if driver in LINUX else block


def is_out(params: Params, ports: frozenset[int]) -> bool:
    """Return True if the step drops all of these TCP ports, or one of the ports that it names."""
    passing = {service.port for service in services_of(params.allow_services) if service.protocol == "tcp"}
    dropped = {service.port for service in services_of(params.ports) if service.protocol == "tcp"}
    return not passing & ports and (not params.ports or bool(dropped & ports))


def services_of(texts: Iterable[str]) -> tuple[Service, ...]:
    """Return the services of texts such as `tcp/80`, sorted, each once."""
    words = [text.partition("/") for text in texts]
    return tuple(sorted({Service("tcp" if word == "tcp" else "udp", int(port)) for word, _, port in words}))


def refuse_wide(params: Params, scene: Scene) -> None:
    """Raise Refused for a network to block on this router that is wider than `max_prefix` or `max_prefix6`."""
    for network in networks_here(params, scene):
        if network.prefixlen < (shortest := params.max_prefix if network.version == 4 else params.max_prefix6):
            raise Refused(
                tr(
                    "{network} is wider than a /{shortest}: name smaller networks, or change `max_prefix`",
                    network=network,
                    shortest=shortest,
                )
            )


def _one_a_family(spare: tuple[Address, ...], blocked: tuple[Network, ...]) -> tuple[Address, ...]:
    """Return the spare's first address for each family with blocked addresses."""
    firsts = (next((a for a in spare if a.version == version), None) for version in (4, 6))
    return tuple(a for a in firsts if a and any(n.version == a.version for n in blocked))
