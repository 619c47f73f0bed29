"""FRR's announcements, from the running configuration, and the command to change announcements."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.host import Network
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.tasks.traffic.bgp import VTYSH
from stopgap.tasks.traffic.shell import run

CONFIGURATION = VTYSH.asked(
    "show running-config | include ^router bgp|^ no bgp network import|^  network |^route-map stopgap_"
)
"""Only these lines: the rest of the configuration may hold session passwords, and is not read."""

FEW = 256
"""Maximum of addresses announced singly; a larger network is announced whole."""
COMMUNITY = "blackhole"
"""FRR's word for 65535:666 (RFC 7999)."""


@dataclass(frozen=True)
class Running:
    """BGP part of FRR's running configuration, default VRF only."""

    asn: int | None = None
    """AS number of the BGP instance; None without an instance."""
    import_check: bool = True
    """True if FRR announces a `network` only with the same route in the routing table."""
    networks: Mapping[Network, str] = field(default_factory=dict)
    """Networks originated by `network`, each with the rest of the line, such as `route-map X`."""

    def announced(self, route_map: str) -> tuple[Network, ...]:
        """Return the networks announced under this route-map."""
        return tuple(n for n, rest in self.networks.items() if rest == f"route-map {route_map}")


def parse(configuration: str) -> Running:
    """Parse the output of CONFIGURATION; malformed lines are skipped."""
    asn, checked, here = None, True, False
    networks: dict[Network, str] = {}
    for line in configuration.splitlines():
        words = line.split()
        if words[:2] == ["router", "bgp"]:
            number = parse_int(words[2], 10) if len(words) == 3 else None
            here = number is not None
            asn = number if here else asn
        elif here and words[:4] == ["no", "bgp", "network", "import-check"]:
            checked = False
        elif here and words[:1] == ["network"] and len(words) > 1:
            try:
                networks[ip_network(words[1])] = " ".join(words[2:])
            except ValueError:
                continue
    return Running(asn, checked, networks)


def singles(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Split small networks into single addresses: providers seldom take others (RFC 7999, section 3.3)."""
    return tuple(
        one
        for network in networks
        for one in (network.subnets(new_prefix=network.max_prefixlen) if network.num_addresses <= FEW else (network,))
    )


def announce(route_map: str, asn: int, networks: Iterable[Network]) -> Command:
    """Return the command to announce exactly these networks under the route-map; without networks: withdraw and clean
    up.
    """
    return run("announce", route_map, str(asn), *map(str, networks))


def difference(route_map: str, asn: int, before: tuple[Network, ...], after: tuple[Network, ...]) -> tuple[str, ...]:
    """Give the unified diff of the running configuration."""
    lines = difflib.unified_diff(
        _lines(route_map, asn, before),
        _lines(route_map, asn, after),
        "running-config",
        "running-config",
        lineterm="",
    )
    return tuple(lines)


def _lines(route_map: str, asn: int, networks: tuple[Network, ...]) -> list[str]:
    if not networks:
        return [f"router bgp {asn}"]
    lines = [f"route-map {route_map} permit 10", f" set community {COMMUNITY}", f"router bgp {asn}"]
    for version in (4, 6):
        if mine := [n for n in networks if n.version == version]:
            lines.append(f" address-family ipv{version} unicast")
            lines += [f"  network {n} route-map {route_map}" for n in mine]
    return lines
