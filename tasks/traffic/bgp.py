"""What a router's BGP says: which sessions stand, and whether a network is announced and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Program, ProgramFact, Reader
from stopgap.orchestrator.host import Network
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.tasks.traffic.driver import address_text

SESSIONS = Program(("vtysh", "-c", "show bgp summary json"))

_FAMILIES = {"ipv4Unicast": 4, "ipv6Unicast": 6}


def established(summary: str) -> Mapping[int, tuple[str, ...]]:
    """Give by IP version the peers whose session stands and carries its routes; ValueError where it is no summary."""
    document = parse_json(summary)
    found: dict[int, tuple[str, ...]] = {}
    for name, version in _FAMILIES.items():
        peers = document.get(name, {}).get("peers", {})
        found[version] = tuple(peer for peer, told in peers.items() if told.get("state") == "Established")
    return found


class Announced(Check):
    """The router's BGP has the network with the community for blackholing, and has sent it to at least one peer.

    What the peer makes of it is not seen here.
    """

    kind: Literal["announced"] = "announced"
    network: Network

    def describe(self) -> str:
        """Name the network."""
        return f"{address_text(self.network)} is announced for blackholing"

    def reader(self) -> Reader[ProgramFact]:
        """Read the network's paths."""
        return Program(("vtysh", "-c", f"show bgp ipv{self.network.version} unicast {self.network} json"))

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for the community and for peers that it was sent to."""
        try:
            route = parse_json(fact.stdout)
            paths = [p for p in route.get("paths", ()) if "blackhole" in p.get("community", {}).get("list", ())]
            peers = list(route.get("advertisedTo", {}))
        except (ValueError, AttributeError, TypeError):
            return Judgement(None, "FRR printed something else than a route")
        if not paths:
            return Judgement(False, "not with the community blackhole")
        if not peers:
            return Judgement(False, "sent to no peer: see the route-maps towards them")
        return Judgement(True, f"sent to {', '.join(peers)}")
