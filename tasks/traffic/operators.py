"""From which addresses the operator comes: what the router sees, and what the target says only if it is confirmed.

Whoever owns the target can make it name any address. One that is let through on its word alone would be theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from orchestrator.host import Address, Scene
from orchestrator.task import Note
from tasks.traffic.driver import DeviceFacts


def operators(facts: DeviceFacts, scene: Scene) -> tuple[Address, ...]:
    """Give the operator's addresses."""
    known = (facts.origin, facts.claimed_origin if facts.claimed_origin in _plausible(facts, scene) else None)
    return tuple(dict.fromkeys(address for address in known if address))


def doubts(facts: DeviceFacts, scene: Scene, allowed: bool) -> Iterator[Note]:
    """Say what is not known of the operator's way to the target; `allowed`: the claim is let through anyway."""
    target = scene.target.name
    if target == scene.on.name or scene.target.connection == "local":
        return
    if facts.claimed_origin is None:
        yield Note(
            text=f"{target} did not say from where you reach it: if not from {facts.origin}, add it to `allow`"
        )
    elif facts.claimed_origin not in operators(facts, scene) and not allowed:
        yield Note(
            text=f"{target} says that you come from {facts.claimed_origin}; nothing confirms it, and it is not "
            "let through: name it in `allow` if it is so"
        )


def _plausible(facts: DeviceFacts, scene: Scene) -> set[Address | None]:
    """Give what the claim may be: the controller's own addresses, the jump host's, the router's where it is one."""
    plausible: set[Address | None] = {i.address.ip for i in facts.controller or ()}
    if scene.target.jump == scene.on.name or scene.on.connection == "local":
        plausible |= {i.address.ip for i in facts.interfaces}
    for host in (*scene.beside, *scene.others):
        if host.name == scene.target.jump:
            plausible |= {*host.addresses, *_literal(host.address)}
    return plausible


def _literal(text: str) -> tuple[Address, ...]:
    try:
        return (ip_address(text),)
    except ValueError:
        return ()
