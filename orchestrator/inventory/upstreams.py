"""Upstreams that follow from `may_block`: the one router that may block all addresses of a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stopgap.orchestrator.host import Address, Host, Network
from stopgap.orchestrator.hosttext import shortened

_Prefixes: TypeAlias = dict[tuple[int, int], dict[int, set[str]]]
"""Version and prefix length → network bits → routers."""


@dataclass(frozen=True)
class Followed:
    """Hosts with the upstreams that follow."""

    hosts: dict[str, Host]
    derived: frozenset[str]
    """Hosts whose upstream follows from the `may_block` of one router."""
    ambiguous: Mapping[str, tuple[str, ...]]
    """Host → the routers, two or more, that may each block the host's addresses; such a host gets no upstream."""


def follow(hosts: dict[str, Host]) -> Followed:
    """Give each host without `upstream` the one router whose `may_block` holds all addresses of the host.

    A router whose `never_block` holds one of the addresses does not count, nor does the host itself, nor a router of
    another site. A host with
    `upstream: null` stays without. One look-up for each length of prefix keeps this linear in hosts and networks.
    """
    routers = [host for host in hosts.values() if host.may_block]
    if not routers:
        return Followed(hosts, frozenset(), {})
    may = _prefixes({router.name: router.may_block for router in routers})
    never = _prefixes({router.name: router.never_block for router in routers})
    complete, derived, ambiguous = {}, set(), {}
    for name, host in hosts.items():
        complete[name] = host
        if "upstream" in host.model_fields_set:
            continue
        found = _holding(may, never, host.addresses) - {name}
        if host.site:
            found = {router for router in found if hosts[router].site in {None, host.site}}
        if len(found) == 1:
            complete[name] = host.model_copy(update={"upstream": found.pop()})
            derived.add(name)
        elif found:
            ambiguous[name] = tuple(router.name for router in routers if router.name in found)
    return Followed(complete, frozenset(derived), ambiguous)


def ambiguity_notes(followed: Followed) -> Iterator[str]:
    """Yield a note for each choice of routers that is the operator's."""
    hosts: dict[tuple[str, ...], list[str]] = {}
    for host, routers in followed.ambiguous.items():
        hosts.setdefault(routers, []).append(host)
    for routers, names in hosts.items():
        yield f"{shortened(names)}: no `upstream`; the `may_block` of {shortened(routers)} holds the addresses"


def _prefixes(networks: Mapping[str, tuple[Network, ...]]) -> _Prefixes:
    found: _Prefixes = {}
    for router, nets in networks.items():
        for net in nets:
            bits = int(net.network_address) >> (net.max_prefixlen - net.prefixlen)
            place = found.setdefault((net.version, net.prefixlen), {})
            place.setdefault(bits, set()).add(router)
    return found


def _holding(may: _Prefixes, never: _Prefixes, addresses: tuple[Address, ...]) -> set[str]:
    if not addresses:
        return set()
    able = [_routers(may, address) for address in addresses]
    return set.intersection(*able).difference(*(_routers(never, address) for address in addresses))


def _routers(prefixes: _Prefixes, address: Address) -> set[str]:
    found: set[str] = set()
    for (version, length), networks in prefixes.items():
        if version == address.version:
            found |= networks.get(int(address) >> (address.max_prefixlen - length), set())
    return found
