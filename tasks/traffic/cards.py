"""Network cards of the blocked host: drop frames by link-layer address, for any IP address.

One command on the host changes an IP address. A card is dropped only if the router sees no other host behind the
link-layer address: no next-hop router, no proxy ARP, neither the spare nor the operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stopgap.orchestrator.facts import NeighbourFact
from stopgap.orchestrator.host import Address, Network
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import DeviceFacts, address_text
from stopgap.tasks.traffic.other_ways import VIRTUAL_ROUTERS

MOST = 4
"""Maximum of other addresses of a host's card, link-local addresses excluded: a card with more is a router or proxy.
"""
_CARD = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


@dataclass(frozen=True)
class Card:
    """A link-layer address used by a blocked address."""

    address: str
    shared: str = ""
    """Reason for not dropping the card: another owner."""


def cards(
    blocked: tuple[Network, ...],
    kept: Iterable[tuple[Network, str]],
    facts: DeviceFacts,
    in_force: Iterable[str] = (),
) -> tuple[Card, ...]:
    """Return the cards of the blocked addresses, and the cards dropped by the block in force.

    Args:
        blocked: every blocked address.
        kept: networks never blocked, each with the reason.
        facts: the router's neighbours, gateways and devices.
        in_force: cards dropped now; a silent neighbour leaves the router's table, so the facts may lack a card.
    """
    seen = {n.link_address.lower() for n in facts.neighbours if _in(n.address, blocked)}
    known = sorted(card for card in {*seen, *in_force} if _CARD.fullmatch(card))
    never = tuple(kept) if known else ()
    return tuple(_card(card, blocked, never, facts) for card in known)


def card_gaps(found: Iterable[Card], who: str) -> Iterator[Gap]:
    """Yield a gap for each card not dropped, with the reason; `other_addresses` names further addresses of a card."""
    for card in found:
        if card.shared:
            yield Gap(
                text=tr(
                    "the network card {address} of {who} is not dropped: {shared}",
                    address=card.address,
                    who=who,
                    shared=card.shared,
                ),
                at_best=Unlimited(why=tr("the blocked addresses are dropped by themselves")),
            )


def _card(card: str, blocked: tuple[Network, ...], kept: tuple[tuple[Network, str], ...], facts: DeviceFacts) -> Card:
    neighbours = [n for n in facts.neighbours if n.link_address.lower() == card and not _in(n.address, blocked)]
    others = {n.address for n in neighbours if not n.address.is_link_local}
    return Card(card, _whose(card, neighbours, len(others), kept, facts))


def _whose(
    card: str, neighbours: list[NeighbourFact], others: int, kept: tuple[tuple[Network, str], ...], facts: DeviceFacts
) -> str:
    if card.startswith(tuple(VIRTUAL_ROUTERS)):
        return tr("it is a virtual router's")
    if int(card[:2], 16) & 1 or card == "00:00:00:00:00:00":
        return tr("it is no single card's")
    if any(link.link_address.lower() == card for link in facts.links.links):
        return tr("it is the router's own")
    next_hops = {*facts.gateways, *(route.gateway for route in facts.routes if route.gateway)}
    for neighbour in neighbours:
        if neighbour.address in next_hops:
            return tr("{address} answers from it, a router", address=neighbour.address)
        for network, reason in kept:
            if _in(neighbour.address, (network,)):
                return tr("{network} answers from it: {reason}", network=address_text(network), reason=reason)
    return tr("{others} other addresses answer from it, as from a router", others=others) if others > MOST else ""


def _in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == n.version and address in n for n in networks)
