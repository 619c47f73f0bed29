"""BGP state of a router: sessions, and announcements of a network by peer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import ProgramFact, Reader, ReadOnly
from stopgap.orchestrator.host import Network
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import address_text

VTYSH = ReadOnly(
    ("vtysh", "-c"), more=r"-c|show [ -~]+", because="vtysh(8): each -c runs one command, and `show` shows"
)
SESSIONS = VTYSH.asked("show bgp summary json")

_FAMILIES = {"ipv4Unicast": 4, "ipv6Unicast": 6}


def established(summary: str) -> Mapping[int, tuple[str, ...]]:
    """Return the peers with an established session by IP version; raises ValueError for a malformed summary."""
    document = parse_json(summary)
    found: dict[int, tuple[str, ...]] = {}
    for name, version in _FAMILIES.items():
        peers = document.get(name, {}).get("peers", {})
        found[version] = tuple(peer for peer, told in peers.items() if told.get("state") == "Established")
    return found


class Announced(Check):
    """The router announces the network with the blackhole community (RFC 7999) to at least one peer.

    The peer's handling of the announcement stays unknown.
    """

    kind: Literal["announced"] = "announced"
    network: Network

    def describe(self) -> str:
        """Name the network."""
        return tr("{network} is announced for blackholing", network=address_text(self.network))

    def reader(self) -> Reader[ProgramFact]:
        """Read the network's paths."""
        return VTYSH.asked(f"show bgp ipv{self.network.version} unicast {self.network} json")

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for the community and for peers with the announcement."""
        try:
            route = parse_json(fact.stdout)
            paths = [p for p in route.get("paths", ()) if "blackhole" in p.get("community", {}).get("list", ())]
            peers = list(route.get("advertisedTo", {}))
        except (ValueError, AttributeError, TypeError):
            return Judgement(None, tr("FRR printed something else than a route"))
        if not paths:
            return Judgement(False, tr("not with the community blackhole"))
        if not peers:
            return Judgement(False, tr("sent to no peer: see the route-maps towards them"))
        return Judgement(True, tr("sent to {peers}", peers=", ".join(peers)))
