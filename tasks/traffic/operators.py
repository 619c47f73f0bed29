"""The operator's addresses, as known by router, controller and inventory.

A block does not wait for the target's word: an intruder can delay the answer, or name any address, and so gain an
exception. The target's answer counts only if received in time, and only for an address already plausible as the
operator's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from stopgap.orchestrator.facts import Interfaces, RouteFact, Routes, SshOrigin
from stopgap.orchestrator.host import Address, Host, Scene
from stopgap.orchestrator.task import At, Note, Probe
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.segment import within


def reads_of_operators(scene: Scene) -> Probe:
    """Return readers outside the router, by field of DeviceFacts."""
    target = _addresses(scene.target)
    return {
        "claimed_origin": At("target", SshOrigin()),
        "controller": At("controller", Interfaces()),
        **({"ways_to_target": At("controller", Routes(target))} if target else {}),
    }


def operators(facts: DeviceFacts, scene: Scene) -> tuple[Address, ...]:
    """Return the operator's addresses, as seen by the router and by the target."""
    claimed = facts.claimed_origin if facts.claimed_origin in _plausible(facts, scene) else None
    known = (facts.origin, *_towards_target(facts, scene), claimed)
    return tuple(dict.fromkeys(address for address in known if address))


def doubts(facts: DeviceFacts, scene: Scene, allowed: bool) -> Iterator[Note]:
    """Yield notes on the operator's unknown paths to the target; `allowed`: the claimed address has an exception
    anyway.
    """
    target = scene.target.name
    if target == scene.on.name or scene.target.connection == "local":
        return
    known = operators(facts, scene)
    if facts.claimed_origin is None:
        listed = " or ".join(map(str, known)) or tr("where the router sees you")
        yield Note(
            text=tr(
                "{target} did not say from where you reach it: if not from {listed}, add it to `allow`",
                target=target,
                listed=listed,
            )
        )
    elif facts.claimed_origin not in known and not allowed:
        yield Note(
            text=tr(
                "{target} says that you come from {claimed_origin}; nothing confirms it, and it is not let "
                "through: name it in `allow` if it is so",
                target=target,
                claimed_origin=facts.claimed_origin,
            )
        )


def _towards_target(facts: DeviceFacts, scene: Scene) -> Iterator[Address]:
    """Yield the source addresses towards the target: the controller's, or the jump host's."""
    if scene.target.jump is None:
        yield from _sources(facts.ways_to_target or ())
    elif scene.target.jump == scene.on.name:
        target = _addresses(scene.target)
        yield from _sources(route for route in facts.routes if route.address in target)
    else:
        yield from (address for host in _jump_hosts(scene) for address in _known(host))


def _sources(routes: Iterable[RouteFact]) -> Iterator[Address]:
    return (route.source for route in routes if route.source and not route.local)


def _plausible(facts: DeviceFacts, scene: Scene) -> set[Address | None]:
    """Return plausible origins: addresses of the controller, of jump hosts, and of a router used as jump host.

    Also those of a router that rewrites the operator's source address on the way to the target.
    """
    plausible: set[Address | None] = {i.address.ip for i in facts.controller or ()}
    plausible |= {i.address.ip for i in facts.interfaces if _rewritten(facts, i.address.ip)}
    if scene.target.jump == scene.on.name or scene.on.connection == "local":
        plausible |= {i.address.ip for i in facts.interfaces}
    for host in _jump_hosts(scene):
        plausible |= set(_known(host))
    return plausible


def _rewritten(facts: DeviceFacts, own: Address) -> bool:
    """Return True if a source NAT of the router may give the operator's packets this address of its own."""
    origin = facts.origin
    rules = [rule for rule in facts.translations.rules if rule.side == "source"]
    return origin is not None and any(
        (rule.of is None or within(origin, (rule.of,))) and (rule.to is None or within(own, (rule.to,)))
        for rule in rules
    )


def _jump_hosts(scene: Scene) -> list[Host]:
    jump = scene.target.jump and scene.host_named(scene.target.jump)
    return [jump] if jump else []


def _addresses(target: Host) -> tuple[Address, ...]:
    """Return the target's addresses: the login address, or if a name, the inventory's addresses."""
    return _literal(target.address) or target.addresses


def _known(host: Host) -> tuple[Address, ...]:
    return (*host.addresses, *_literal(host.address))


def _literal(text: str) -> tuple[Address, ...]:
    try:
        return (ip_address(text),)
    except ValueError:
        return ()
