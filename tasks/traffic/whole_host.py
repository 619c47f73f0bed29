"""Further addresses of the blocked host on a Linux router: private addresses behind NAT, and network cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.bridged import bridge_gaps
from stopgap.tasks.traffic.cards import Card, card_gaps, cards
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver
from stopgap.tasks.traffic.guards import kept
from stopgap.tasks.traffic.nat import Behind, behind, nat_gaps
from stopgap.tasks.traffic.segment import others_on_record


def with_the_host(block: Block, driver: Driver, facts: DeviceFacts, scene: Scene, *, standing: bool) -> Block:
    """Return the block extended by the router's facts of the host.

    Args:
        block: the requested addresses.
        driver: the router's driver.
        facts: facts of the router.
        scene: the hosts concerned.
        standing: True to compare with the block in force; a newly seen card is no difference then.
    """
    whole = replace(block, behind=_behind(block, facts, scene).hosts)
    if block.partial or not driver.capabilities.cards:
        return whole
    in_force = driver.cards_in_force(block.label, facts)
    found = (card.address for card in _cards(whole, driver, facts, scene) if not card.shared)
    return replace(whole, cards=tuple(card for card in found if card in in_force or not standing))


def of_the_host(block: Block, driver: Driver, facts: DeviceFacts, scene: Scene) -> Iterator[Planned]:
    """Yield gaps and notes: hosts cut off beside the requested addresses, and parts of the host not blocked."""
    yield from bridge_gaps(block, driver, facts, scene)
    doubtful = _behind(block, facts, scene).doubtful
    yield from nat_gaps(block, doubtful, facts, scene.on.name, after_nat=driver.capabilities.after_nat)
    if driver.capabilities.cards and not block.partial:
        yield from card_gaps(_cards(block, driver, facts, scene), scene.target.name)


def _behind(block: Block, facts: DeviceFacts, scene: Scene) -> Behind:
    never = chain(kept(facts, scene), others_on_record(scene))
    return behind(block.addresses, facts, (network for network, _ in never))


def _cards(block: Block, driver: Driver, facts: DeviceFacts, scene: Scene) -> tuple[Card, ...]:
    let_through = ((network, tr("it is let through")) for network in block.allowed)
    never = chain(kept(facts, scene), let_through, others_on_record(scene))
    return cards(block.dropped, never, facts, driver.cards_in_force(block.label, facts))
