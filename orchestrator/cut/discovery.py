"""The other addresses of a host to cut off, read from both sides: from the router's neighbours and from the host.

The host is the enemy's: an address that the host claims is cut off only if the router has seen the address answer
from the same network card. An intruder could else have a neighbour of his choice cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from stopgap.orchestrator.facts import (
    Cards,
    Gateways,
    InterfaceFact,
    Interfaces,
    LinkFact,
    NeighbourFact,
    Neighbours,
    Reader,
    SshOrigin,
)
from stopgap.orchestrator.host import CONTROLLER, Address, Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.plan import FactReader, Look

T = TypeVar("T")
MOST_BEHIND = 4
"""Most other addresses of one network card; a card with more is a router's, or answers for others (proxy ARP)."""

MOST_CLAIMED = 32
"""Most addresses that are believed to be worth a question to the router, of all that a host claims."""


@dataclass(frozen=True)
class Found:
    """What was found of one host."""

    confirmed: Mapping[Address, str]
    """Address → the router that has seen the address on the host's network card."""
    claimed: tuple[Address, ...] = ()
    """Addresses that the host alone tells of."""
    shared_by: tuple[str, ...] = ()
    """Routers at which the host's network card answers for many addresses: none of these is taken."""
    silent: str = ""
    """Why the host told nothing; empty where it did, or is not asked."""


@dataclass(frozen=True)
class _Seen:
    """What one router tells."""

    router: str
    neighbours: tuple[NeighbourFact, ...]
    kept: frozenset[Address]
    """Addresses of the router itself, of its gateways, and of the operator."""


def find_addresses(
    inventory: Inventory, targets: Sequence[Host], ask: Sequence[Host], look: FactReader
) -> dict[str, Found]:
    """Return what is found of each target.

    `ask`: the targets with a login. Routers are waited for; a target that is slower than the routers is not.
    """
    routers = {name: inventory.hosts[name] for target in targets for name in target.upstreams}
    given = tuple(address for target in targets for address in target.addresses)
    own: dict[Reader[Any], None] = dict.fromkeys((Interfaces(), Gateways(), SshOrigin(), Neighbours(given)))
    looks = dict(
        look(
            [
                *((router, reader) for router in routers.values() for reader in own),
                *((target, Cards()) for target in ask),
                (CONTROLLER, Interfaces()),
            ],
            frozenset(routers),
        )
    )
    cards = {target.name: _read(looks, target.name, Cards(), ()) for target in ask}
    claims = {name: _claims(each) for name, each in cards.items()}
    asked = tuple(dict.fromkeys((*given, *(address for each in claims.values() for address in each))))
    if set(asked) != set(given):
        looks |= look([(router, Neighbours(asked)) for router in routers.values()])
    here: tuple[InterfaceFact, ...] = _read(looks, CONTROLLER.name, Interfaces(), ())
    mine = frozenset(interface.address.ip for interface in here)
    others = frozenset(a for host in inventory.hosts.values() for a in host.known_addresses)
    seen = [_seen(name, looks, given, asked, mine | others) for name in routers]
    return {
        target.name: _found(target, seen, claims.get(target.name, ()), _silence(looks, target, ask))
        for target in targets
    }


def own_addresses(host: Host, look: FactReader) -> tuple[Address, ...]:
    """Return the addresses of a host of our own, such as a spare, on its ways out; empty if it cannot be read."""
    answer = look([(host, Cards())])[host.name, Cards()]
    return () if isinstance(answer, Exception) else _claims(answer)


def _seen(
    router: str,
    looks: Mapping[tuple[str, Reader[Any]], Look],
    given: tuple[Address, ...],
    asked: tuple[Address, ...],
    kept: frozenset[Address],
) -> _Seen:
    interfaces: tuple[InterfaceFact, ...] = _read(looks, router, Interfaces(), ())
    gateways: tuple[Address, ...] = _read(looks, router, Gateways(), ())
    origin: Address | None = _read(looks, router, SshOrigin(), None)
    first: tuple[NeighbourFact, ...] = _read(looks, router, Neighbours(given), ())
    neighbours = _read(looks, router, Neighbours(asked), first)
    own = {a for i in interfaces for a in (i.address.ip, i.peer) if a}
    return _Seen(router, neighbours, frozenset({*kept, *own, *gateways, *((origin,) if origin else ())}))


def _found(target: Host, seen: Iterable[_Seen], claims: tuple[Address, ...], silent: str) -> Found:
    given = set(target.addresses)
    confirmed: dict[Address, str] = {}
    shared = []
    for each in seen:
        behind = _behind(given, each)
        if len(behind) > MOST_BEHIND:
            shared.append(each.router)
            continue
        confirmed |= {address: each.router for address in behind if address not in each.kept}
    kept = frozenset(address for each in seen for address in each.kept)
    unconfirmed = tuple(a for a in claims if a not in given and a not in confirmed and a not in kept)
    return Found(confirmed, unconfirmed, tuple(shared), silent)


def _behind(given: set[Address], seen: _Seen) -> list[Address]:
    """Return the addresses that answer from the network card of a given address, at one router."""
    cards = {(n.device, n.link_address) for n in seen.neighbours if n.address in given}
    near = [n for n in seen.neighbours if (n.device, n.link_address) in cards and n.address not in given]
    return [n.address for n in near if not n.address.is_link_local]


def _claims(cards: Iterable[LinkFact]) -> tuple[Address, ...]:
    addresses = (interface.ip for card in cards if card.leads_out for interface in card.addresses)
    own = (a for a in addresses if not (a.is_loopback or a.is_link_local or a.is_multicast))
    return tuple(islice(own, MOST_CLAIMED))


def _silence(looks: Mapping[tuple[str, Reader[Any]], Look], target: Host, ask: Sequence[Host]) -> str:
    answer = looks.get((target.name, Cards()))
    return str(answer) if target in ask and isinstance(answer, Exception) else ""


def _read(looks: Mapping[tuple[str, Reader[Any]], Look], host: str, reader: Reader[Any], otherwise: T) -> T:
    look = looks.get((host, reader))
    return otherwise if look is None or isinstance(look, Exception) else look
