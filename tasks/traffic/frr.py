"""The frr driver: a request to the provider, over BGP, to drop packets to the host (RTBH, RFC 5635, RFC 7999)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage, Network
from stopgap.orchestrator.task import Note, Planned, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.bgp import SESSIONS, Announced, established
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, Driver, address_text
from stopgap.tasks.traffic.router import RouterFacts
from stopgap.tasks.traffic.rtbh import CONFIGURATION, Running, announce, difference, parse, singles

NAMED = 4
"""Addresses that one line names; of the rest, how many."""
LOOKED_AT = 8
"""Announcements that are looked at one by one."""


class Frr(Driver):
    """FRR from 7.4 on, through vtysh(1), with a session to a provider with support for community 65535:666.

    `network X route-map …` under `router bgp` announces the address and leaves the router's own routes unchanged:
    sources on this side of the provider, such as the operator, still reach the host.
    """

    name: ClassVar[str] = "frr"
    capabilities: ClassVar[Capabilities] = Capabilities(
        where="provider", directions=("to",), expiry="scheduled", commit_confirm=True
    )
    programs: ClassVar[tuple[str, ...]] = ("vtysh",)

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a speaker of BGP that routes no packets itself, such as a route server."""
        return tr("FRR is there, and the machine itself routes no packets") if _speaks(router) else ""

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the announcements, the BGP sessions, and the expiry timer."""
        return {"rules": CONFIGURATION, "state": SESSIONS, "scheduled": expiry_timer.reader(label)}

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded by the expiry timer."""
        return expiry_timer.owner(facts.scheduled)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if an address is announced."""
        return bool(_running(facts)[0].announced(_route_map(block)))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the announcement, unless announced already with enough time left."""
        block = replace(block, addresses=singles(block.addresses))
        running, asn = _running(facts)
        peers = _peers(block, facts)
        _refuse_taken(block, running)
        before, left = running.announced(_route_map(block)), facts.scheduled.left
        if set(before) == set(block.addresses) and expiry_timer.long_enough(
            facts.scheduled, block.expires, block.fresh
        ):
            yield Note(text=tr("in force until {at}, then the announcements are withdrawn", at="{at}"), after=left)
        else:
            yield _announcement(block, facts, asn, before)
        yield Note(
            text=tr("goes to {peers}, as far as the router's own route-maps let it through", peers=", ".join(peers))
        )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Look at the announcements."""
        for network in singles(block.addresses)[:LOOKED_AT]:
            yield Announced(vantage=vantage, network=network)


def _route_map(block: Block) -> str:
    return f"stopgap_{block.label}"


def _speaks(router: RouterFacts) -> bool:
    return router.has("vtysh") and not router.routes_packets


def _running(facts: DeviceFacts) -> tuple[Running, int]:
    """Return the running BGP configuration and the AS number; raises Unplannable."""
    if "vtysh" not in facts.system.programs or facts.rules is None:
        raise Unplannable(tr("vtysh is not installed there"))
    if facts.rules.status != 0:
        reason = next(iter((facts.rules.stderr or facts.rules.stdout).splitlines()), tr("no reason given"))
        raise Unplannable(tr("vtysh cannot show the configuration: {reason}", reason=reason))
    running = parse(facts.rules.stdout)
    if running.asn is None:
        raise Unplannable(tr("FRR speaks no BGP there: there is no `router bgp` outside of a VRF"))
    if running.import_check:
        raise Unplannable(
            tr("FRR would not announce single addresses: `no bgp network import-check` is missing under `router bgp`")
        )
    return running, running.asn


def _peers(block: Block, facts: DeviceFacts) -> tuple[str, ...]:
    """Return the peers with established sessions; raises Unplannable if a blocked family has no peer."""
    try:
        peers = established(facts.state.stdout if facts.state else "")
    except (ValueError, AttributeError, TypeError):
        raise Unplannable(tr("FRR does not say which BGP sessions stand")) from None
    for version in sorted({n.version for n in block.addresses}):
        if not peers[version]:
            raise Unplannable(tr("no BGP session for IPv{version} stands: nobody would hear of it", version=version))
    return tuple(dict.fromkeys(p for version in {n.version for n in block.addresses} for p in peers[version]))


def _refuse_taken(block: Block, running: Running) -> None:
    for network in block.addresses:
        rest = running.networks.get(network)
        if rest is not None and rest != f"route-map {_route_map(block)}":
            line = f"network {network} {rest}".strip()
            raise Unplannable(
                tr(
                    "{network} is announced already, by `{line}`: one would replace the other",
                    network=address_text(network),
                    line=line,
                )
            )


def _announcement(block: Block, facts: DeviceFacts, asn: int, before: tuple[Network, ...]) -> RunCommands:
    route_map = _route_map(block)
    withdraw = announce(route_map, asn, ())
    shows = f"vtysh -c 'show running-config' | grep ' route-map {route_map}$'"
    about = tr("announce {block} to be blackholed by the provider", block=_some(block))
    return RunCommands(
        about=tr("{about}, for its full time again", about=about) if set(before) == set(block.addresses) else about,
        do=(
            expiry_timer.end(block, withdraw),
            announce(route_map, asn, block.addresses),
            expiry_timer.record(block, shows),
        ),
        undo=(
            expiry_timer.undo(
                block, withdraw, (announce(route_map, asn, before),) if before else (), facts.scheduled
            ),
        ),
        undo_about=tr("announce what was announced before") if before else tr("withdraw the announcements"),
        expects=expiry_timer.expected(block, facts.scheduled, shows),
        marked=True,
        diff=difference(route_map, asn, before, block.addresses),
        lasts=block.expires / timedelta(seconds=1),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _some(block: Block) -> str:
    named = ", ".join(address_text(n) for n in block.addresses[:NAMED])
    more = len(block.addresses) - NAMED
    return tr("{named} and {count} more", named=named, count=more) if more > 0 else named
