"""Other addresses of the target: addresses of the same cards, absent from the block.

The router knows some addresses by a link-layer address shared with a blocked address; the target reports the others.
The target's word can lower the verdict, never raise the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import ClassVar, Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Cards, LinkFact, NeighbourFact, Neighbours, Reader
from stopgap.orchestrator.host import Address, CheckVantage, Host, Network, Scene
from stopgap.orchestrator.task import At, Gap, Probe
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.segment import devices_of, within

NAMED = 12
"""Addresses that are named one by one; of the rest, how many."""


def reads_of_cards(scene: Scene) -> Probe:
    """Return a reader for the target's cards, by field of DeviceFacts."""
    return {"cards": At("target", Cards())} if tells(scene) else {}


def tells(scene: Scene) -> bool:
    """Return True if the target is a separate host with a shell: neither the router nor this machine."""
    target = scene.target
    return target.name != scene.on.name and target.has_shell and target.connection != "local"


def gaps(blocked: tuple[Network, ...], facts: DeviceFacts, scene: Scene) -> Iterator[Gap]:
    """Yield a gap for each other address of the target."""
    who = _who(scene)
    answering = answering_beside(facts.neighbours, blocked, _known(scene), _claimed(facts, scene))
    own = own_beside(facts.cards or (), blocked, _near(blocked, facts))
    earlier = [a for a, stale in answering.items() if stale and a not in {address for address, _ in own}]
    texts = [
        tr("{address} answers from {who}'s network card, and is not blocked", address=a, who=who)
        for a, stale in answering.items()
        if not stale
    ]
    texts += [
        tr("{address} is on {who}'s {device}, and is not blocked", address=address, who=who, device=device)
        for address, device in own
        if answering.get(address, True)
    ]
    texts += [
        tr("{network} is routed to {who} by {host}, and is not blocked", network=network, who=who, host=scene.on.name)
        for network in facts.routed_to_it or ()
        if not any(network.version == n.version and network.subnet_of(n) for n in blocked)  # type: ignore[arg-type]
    ]
    yield from (Gap(text=text, at_best="partly") for text in texts[:NAMED])
    for address in earlier[:NAMED]:
        yield Gap(
            text=tr(
                "{address} answered from {who}'s network card when {host} last asked, and is not blocked",
                address=address,
                who=who,
                host=scene.on.name,
            ),
            at_best="unverified",
        )
    if (more := len(texts) - NAMED) > 0:
        yield Gap(text=tr("{more} more addresses of {who} are not blocked", more=more, who=who), at_best="partly")


def looks(
    blocked: tuple[Network, ...], facts: DeviceFacts, scene: Scene, vantage: CheckVantage, *, trusted: bool
) -> Iterator[Check]:
    """Look again once the block stands: at the router's neighbours, and at the target's own cards."""
    if scene.on.has_shell and trusted:
        yield Answering(
            vantage=vantage,
            containment=True,
            patience=0.0,
            target=_who(scene),
            blocked=blocked,
            known=tuple(sorted(_known(scene), key=lambda a: (a.version, int(a)))),
            claimed=tuple(sorted(_claimed(facts, scene))),
        )
    if tells(scene):
        near = _near(blocked, facts)
        yield OwnAddresses(containment=True, patience=0.0, target=_who(scene), blocked=blocked, near=near)


class Answering(Check):
    """No other address shares the link-layer address of a blocked address, by the router's neighbour table."""

    kind: Literal["answering"] = "answering"
    one_sided: ClassVar[bool] = True
    target: str
    blocked: tuple[Network, ...]
    known: tuple[Address, ...]
    """Addresses of other hosts."""
    claimed: tuple[str, ...] = ()
    """Link-layer addresses of the target by its own word."""

    def describe(self) -> str:
        """Name the target."""
        return tr("no other address answers from {target}'s network card", target=self.target)

    def reader(self) -> Reader[tuple[NeighbourFact, ...]]:
        """Read the table."""
        return Neighbours()

    def judge(self, fact: tuple[NeighbourFact, ...]) -> Judgement:
        """Name the other addresses."""
        found = answering_beside(fact, self.blocked, self.known, self.claimed)
        if found and all(found.values()):
            return Judgement(
                None, tr("{found} answered earlier; not asked since", found=", ".join(map(str, list(found)[:NAMED])))
            )
        return _judged([str(address) for address, stale in found.items() if not stale])


class OwnAddresses(Check):
    """The target has only blocked addresses, by the target's own word."""

    kind: Literal["own-addresses"] = "own-addresses"
    vantage: CheckVantage = "target"
    one_sided: ClassVar[bool] = True
    trusts_target: ClassVar[bool] = True
    target: str
    blocked: tuple[Network, ...]
    near: tuple[Network, ...]
    """What the router has on its own links to the target."""

    def describe(self) -> str:
        """Name the target."""
        return tr("{target}'s cards have no address that is not blocked", target=self.target)

    def reader(self) -> Reader[tuple[LinkFact, ...]]:
        """Read the cards."""
        return Cards()

    def judge(self, fact: tuple[LinkFact, ...]) -> Judgement:
        """Name the other addresses."""
        return _judged(
            [
                tr("{address} on {device}", address=address, device=device)
                for address, device in own_beside(fact, self.blocked, self.near)
            ]
        )


def answering_beside(
    neighbours: Iterable[NeighbourFact],
    blocked: tuple[Network, ...],
    known: Iterable[Address],
    claimed: Iterable[str],
) -> dict[Address, bool]:
    """Return the addresses with a link-layer address of a blocked address, or of a card of the target.

    Each address maps to True for a stale neighbour entry: answered once, present state unknown. `known` are addresses
    of other hosts; the target cannot claim the link-layer addresses of those hosts.
    """
    table = list(neighbours)
    others = set(known)
    strange = {n.link_address for n in table if n.address in others}
    links = {n.link_address for n in table if within(n.address, blocked)} | (set(claimed) - strange)
    return {
        n.address: n.stale
        for n in table
        if n.link_address in links
        and not (n.address.is_link_local or n.address in others or within(n.address, blocked))
    }


def own_beside(
    cards: Iterable[LinkFact], blocked: tuple[Network, ...], near: tuple[Network, ...]
) -> list[tuple[Address, str]]:
    """Return the addresses of cards outside the block, with interface names.

    An address on an interface without a way out, such as a bridge for guests, counts if the router would look for the
    address on the link to the host: Linux answers ARP for every local address.
    """
    found = []
    for card in cards:
        for address in (interface.ip for interface in card.addresses):
            passing = address.is_loopback or address.is_link_local or address.is_multicast
            if not passing and not within(address, blocked) and (card.leads_out or within(address, near)):
                found.append((address, card.device))
    return found


def _judged(found: list[str]) -> Judgement:
    more = tr(" and {count} more", count=len(found) - NAMED) if len(found) > NAMED else ""
    return Judgement(
        not found,
        tr("{found}{more}, not blocked", found=joined(", ", found[:NAMED]), more=more) if found else tr("none"),
    )


def _near(blocked: tuple[Network, ...], facts: DeviceFacts) -> tuple[Network, ...]:
    devices = devices_of(blocked, facts)
    return tuple(dict.fromkeys(i.address.network for i in facts.interfaces if i.device in devices))


def _claimed(facts: DeviceFacts, scene: Scene) -> frozenset[str]:
    """Return the link-layer addresses claimed by the target, except addresses of the router."""
    if not tells(scene):
        return frozenset()
    return frozenset(c.link_address for c in facts.cards or () if c.leads_out and c.link_address.count(":") == 5)


def _known(scene: Scene) -> set[Address]:
    """Give the addresses of every other host of the inventory."""
    near: tuple[Host | None, ...] = (scene.on, scene.upstream, scene.spare, *scene.beside)
    hosts = (*near, *scene.outside, *scene.others)
    addresses = {a for h in hosts if h and h.name != scene.target.name for a in (*h.addresses, *_login(h))}
    return addresses - set(scene.target.known_addresses)


def _login(host: Host) -> tuple[Address, ...]:
    try:
        return (ip_address(host.address),)
    except ValueError:
        return ()


def _who(scene: Scene) -> str:
    return scene.target.name if scene.target.name != scene.on.name else tr("the blocked host")
