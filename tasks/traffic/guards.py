"""Guards: addresses never blocked; each refusal gives the reason and the correction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from stopgap.orchestrator.facts import InterfaceFact
from stopgap.orchestrator.host import Address, Network, Scene
from stopgap.orchestrator.task import Refused
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import Block, DeviceFacts, address_text, collapsed, some
from stopgap.tasks.traffic.nat import leads_to, translated_whole
from stopgap.tasks.traffic.operators import operators


def guard(block: Block, allow: Iterable[Network], facts: DeviceFacts, scene: Scene) -> None:
    """Raise Refused for the first address never to be blocked, by the owner's limits or by a guard.

    No guard relies on the target's word: a lying target must not prevent a block.
    """
    guard_by_inventory(block, allow, facts, scene)
    _refuse_unknown_origin(block, facts, scene)


def guard_by_inventory(block: Block, allow: Iterable[Network], facts: DeviceFacts, scene: Scene) -> None:
    """Raise Refused for the first address excluded by inventory, parameters and facts."""
    router = scene.on
    if not router.may_block:
        raise Refused(
            tr("{router} may block nothing: its owner lists in `may_block` what it may", router=router.name)
        )
    never = list(kept(facts, scene))
    for address in block.addresses:
        _refuse_special(address)
        _refuse_outside(address, router.may_block, router.name)
        for network, reason in never:
            if _overlap(address, network):
                raise Refused(tr("{address} is not blocked: {reason}", address=address_text(address), reason=reason))
        for network in allow:
            if _overlap(address, network):
                raise Refused(
                    tr(
                        "`allow` holds {network}, and so the blocked {address}: name only those who may still reach "
                        "it",
                        network=address_text(network),
                        address=address_text(address),
                    )
                )


def guard_own_host(block: Block, allow: Iterable[Network], facts: DeviceFacts, scene: Scene) -> None:
    """Raise Refused if the driver runs on a host other than the target, or would lock the operator out."""
    if scene.on.name != scene.target.name:
        raise Refused(
            tr(
                "the driver of {host} cuts off the host it runs on, and {target} is another",
                host=scene.on.name,
                target=scene.target.name,
            )
        )
    _refuse_unknown_origin(block, facts, scene)


def _refuse_unknown_origin(block: Block, facts: DeviceFacts, scene: Scene) -> None:
    if scene.on.connection == "ssh" and facts.origin is None and not block.allowed:
        raise Refused(
            tr(
                "{host} does not say from which address you come, and you could lock yourself out: name your "
                "address in `allow`",
                host=scene.on.name,
            )
        )


def _refuse_special(address: Network) -> None:
    kinds = {
        "unspecified": address.network_address.is_unspecified,
        "loopback": address.is_loopback,
        "multicast": address.is_multicast,
        "link-local": address.is_link_local,
    }
    for kind, applies in kinds.items():
        if applies:
            raise Refused(
                tr(
                    "{address} is {kind}: no host is reached through a router by it",
                    address=address_text(address),
                    kind=kind,
                )
            )


def _refuse_outside(address: Network, may_block: tuple[Network, ...], router: str) -> None:
    if any(_within(address, network) for network in collapsed(may_block)):
        return
    narrower = [network for network in may_block if _within(network, address)]
    if narrower:
        raise Refused(
            tr(
                "{address} is wider than {router} may block: `may_block` has {narrower}",
                address=address_text(address),
                router=router,
                narrower=", ".join(map(address_text, narrower)),
            )
        )
    raise Refused(
        tr(
            "{address} is outside what {router} may block: {may_block}; its owner can add it to `may_block`",
            address=address_text(address),
            router=router,
            may_block=", ".join(map(address_text, may_block)),
        )
    )


def kept(facts: DeviceFacts, scene: Scene) -> Iterator[tuple[Network, str]]:
    """Yield the networks never blocked, each with the reason."""
    router, lonely = scene.on.name, tr("leave it out of `addresses`")
    for network in scene.on.never_block:
        yield network, tr("`never_block` of {router} has {network}", router=router, network=address_text(network))
    for address in scene.on.addresses:
        yield _host(address), tr("it is {router}'s own, by the inventory; {lonely}", router=router, lonely=lonely)
    for interface in facts.interfaces:
        if not translated_whole(interface.address.ip, facts):
            yield _host(interface.address.ip), _own(interface, facts, router)
        if interface.peer:
            yield (
                _host(interface.peer),
                tr(
                    "it is the far end of {router}'s link {device}; {lonely}",
                    router=router,
                    device=interface.device,
                    lonely=lonely,
                ),
            )
    for gateway in facts.gateways:
        yield _host(gateway), tr("it is {router}'s default gateway; {lonely}", router=router, lonely=lonely)
    for origin in operators(facts, scene):
        yield _host(origin), tr("you come from it; {lonely}, or come another way", lonely=lonely)
    for other in scene.beside:
        for address in other.addresses:
            yield (
                _host(address),
                tr(
                    "it is {other}'s, another upstream of {target}; {lonely}",
                    other=other.name,
                    target=scene.target.name,
                    lonely=lonely,
                ),
            )
    for address in scene.spare.addresses if scene.spare else ():
        yield _host(address), tr("it is the spare's; {lonely}", lonely=lonely)


def _own(interface: InterfaceFact, facts: DeviceFacts, router: str) -> str:
    """Return the refusal for a router's own address, with the hosts behind forwarded ports as alternative."""
    hosts = leads_to(interface.address.ip, facts)
    reason = tr("it is {router}'s own, on {device}", router=router, device=interface.device)
    if not hosts:
        return tr("{reason}; leave it out of `addresses`", reason=reason)
    return tr(
        "{reason}, and ports of it lead to {hosts}: name the host's own address in `addresses` instead",
        reason=reason,
        hosts=some(hosts),
    )


def _host(address: Address) -> Network:
    return ip_network(address)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
