"""NAT on the router: the host behind a blocked address, and the addresses matched by the block.

A blocked address may be public, with translation to a private address of the host: packets from the host carry the
private address until source NAT, the last stage before leaving. Or the block names the private address, and the world
reaches the host by public addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from stopgap.orchestrator.facts import TranslationFact
from stopgap.orchestrator.host import Address, Network
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import Block, DeviceFacts, address_text, some


@dataclass(frozen=True)
class Behind:
    """Hosts behind the blocked addresses of a router with NAT."""

    hosts: tuple[Network, ...] = ()
    """Private addresses: each the only destination of a blocked public address."""
    doubtful: tuple[tuple[Network, tuple[Network, ...]], ...] = ()
    """Public addresses with several hosts behind, or with a host never blocked, each with the hosts."""


@dataclass(frozen=True)
class Front:
    """A public address translated to a blocked private address."""

    address: Network
    ports: tuple[int, ...]
    """TCP ports translated to the host; empty: all."""


def behind(addresses: Iterable[Network], facts: DeviceFacts, kept: Iterable[Network]) -> Behind:
    """Return the hosts behind the blocked addresses, by rules with explicit addresses; `kept` is never blocked.

    A translation of the whole address takes precedence over translations of single ports. Source NAT of one host to
    the address also identifies the host.
    """
    hosts: list[Network] = []
    doubtful: list[tuple[Network, tuple[Network, ...]]] = []
    leads = _leads(tuple(addresses), facts)
    kept = tuple(kept) if leads else ()
    for public, found in leads.items():
        if len(found) == 1 and not any(_overlap(found[0], n) for n in kept):
            hosts += found
        else:
            doubtful.append((public, found))
    return Behind(_sorted(hosts), tuple(doubtful))


def translated_whole(address: Address, facts: DeviceFacts) -> bool:
    """Return True if all packets to an address are translated to another host: the router itself is not reached."""
    return any(
        rule.side == "destination" and not rule.part and rule.to is not None and _holds(rule.of, ip_network(address))
        for rule in facts.translations.rules
    )


def leads_to(address: Address, facts: DeviceFacts) -> tuple[Network, ...]:
    """Return the private addresses behind ports of the router's own address, by any rule."""
    own = ip_network(address)
    rules = [r for r in facts.translations.rules if r.side == "destination" and r.to and r.to.version == own.version]
    return _sorted(r.to for r in rules if r.to and (r.of is None or _overlap(r.of, own)))


def fronts(addresses: Iterable[Network], facts: DeviceFacts) -> Iterator[Front]:
    """Yield the public addresses of the blocked private addresses; the router's own for rules without an address."""
    blocked = tuple(addresses)
    outer = [
        i.address for i in facts.interfaces if any(_in(gateway, i.address.network) for gateway in facts.gateways)
    ]
    own = [ip_network(address.ip) for address in outer]
    for rule in facts.translations.rules:
        if rule.side == "destination" and rule.to and any(_holds(n, rule.to) for n in blocked):
            for front in (rule.of,) if rule.of else (n for n in own if n.version == rule.to.version):
                if not any(_overlap(n, front) for n in blocked):
                    yield Front(front, rule.ports)


def nat_gaps(
    block: Block,
    doubtful: Iterable[tuple[Network, tuple[Network, ...]]],
    facts: DeviceFacts,
    router: str,
    *,
    after_nat: bool,
) -> Iterator[Planned]:
    """Yield gaps and notes on a block's NAT: paths left open, and other hosts cut off.

    Args:
        block: the block.
        doubtful: public addresses with hosts not dropped, from `behind`.
        facts: facts of the router.
        router: the router's name.
        after_nat: True if the driver also drops after source NAT, by public address.
    """
    for public, hosts in doubtful:
        yield Gap(
            text=tr(
                "{public} leads to {hosts} by NAT on {router}, which is not dropped: name the host's own "
                "address in `addresses`",
                public=address_text(public),
                hosts=some(hosts),
                router=router,
            ),
            at_best="partly",
        )
    for network in block.addresses:
        if not any(_shared(rule, network) for rule in facts.translations.rules):
            continue
        if after_nat:
            yield Note(
                text=tr(
                    "whoever leaves {router} as {network} by NAT is cut with it",
                    router=router,
                    network=address_text(network),
                )
            )
        elif not block.behind:
            yield Gap(
                text=tr(
                    "what leaves {router} as {network} by NAT is not dropped: name the host's own address in "
                    "`addresses`",
                    router=router,
                    network=address_text(network),
                ),
                at_best="partly",
            )
    if block.spare and (ways := [front.address for front in fronts(block.addresses, facts)]):
        named = some(_sorted(ways))
        yield Note(
            text=tr("visitors who come by {named}, by NAT, are dropped and not sent to the spare", named=named)
        )
    outside = [network for network in block.addresses if not _on_a_link(network, facts)]
    if outside and facts.translations.unread:
        yield Gap(
            text=tr(
                "the NAT rules of {router} cannot be read ({unread}): a host behind NAT may still send",
                router=router,
                unread=facts.translations.unread,
            ),
            at_best="partly",
        )
    elif outside and not block.behind and any(not rule.understood for rule in facts.translations.rules):
        yield Gap(
            text=tr("a NAT rule of {router} is not understood: a host behind NAT may still send", router=router),
            at_best="partly",
        )


def _leads(addresses: tuple[Network, ...], facts: DeviceFacts) -> dict[Network, tuple[Network, ...]]:
    """Return the private addresses behind each translated public address or prefix."""
    parts: dict[Network, list[Network]] = {}
    wholes: dict[Network, list[Network]] = {}
    for rule in facts.translations.rules:
        public, private = (rule.of, rule.to) if rule.side == "destination" else (rule.to, rule.of)
        if public is None or private is None or (rule.side == "source" and _shared(rule, public)):
            continue
        for network in addresses:
            if _overlap(network, public):
                narrow = network if _holds(public, network) else public
                lead = _mapped(narrow, public, private)
                if not any(_holds(n, lead) for n in addresses):
                    (parts if rule.part else wholes).setdefault(narrow, []).append(lead)
    return {public: _sorted(wholes.get(public) or parts[public]) for public in {**parts, **wholes}}


def _mapped(network: Network, public: Network, private: Network) -> Network:
    """Give the private counterpart; a translation of prefix to prefix keeps the rest of the address."""
    if public.prefixlen != private.prefixlen or public.version != private.version:
        return private
    offset = int(network.network_address) - int(public.network_address)
    return ip_network((int(private.network_address) + offset, network.prefixlen))


def _shared(rule: TranslationFact, network: Network) -> bool:
    """Return True if several hosts share one of these addresses by source NAT."""
    if rule.side != "source" or rule.to is None or not _overlap(rule.to, network):
        return False
    return rule.of is None or rule.of.num_addresses > rule.to.num_addresses


def _on_a_link(network: Network, facts: DeviceFacts) -> bool:
    """Return True if a host on a link of the router has the address itself."""
    if any(n.address.version == network.version and n.address in network for n in facts.neighbours):
        return True
    routes = [r for r in facts.routes if r.address.version == network.version and r.address in network]
    return any(route.device and not route.gateway and not route.local for route in routes)


def _sorted(networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(sorted(set(networks), key=lambda n: (n.version, int(n.network_address), n.prefixlen)))


def _holds(outer: Network | None, inner: Network) -> bool:
    return outer is not None and outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
