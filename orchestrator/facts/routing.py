"""Routing of a host's kernel: own addresses, gateways, neighbours, the route to an address.

The text format of ip(8) is parsed line by line: every version prints text, and one odd line costs one fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from itertools import pairwise
from typing import ClassVar, Self

from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.shell import join

_TOGETHER = 256
"""Most addresses asked for together: of more, one answer might not come in time for any."""
_NOWHERE = {"unreachable", "blackhole", "prohibit", "throw"}


class InterfaceFact(Fact):
    """One address of an interface (ip-address(8))."""

    device: str
    address: IPv4Interface | IPv6Interface
    peer: IPv4Address | IPv6Address | None = None
    """The far end of a point-to-point link."""


@dataclass(frozen=True)
class Interfaces(Reader[tuple[InterfaceFact, ...]]):
    """Read every address of the host."""

    cap = 4 << 20

    def script(self) -> str:
        """Return the script: a line for each address."""
        return "ip -o addr show"

    def parse(self, output: Output) -> tuple[InterfaceFact, ...]:
        """Parse `NUMBER: DEVICE inet ADDRESS [peer ADDRESS]/LENGTH …`; a truncated list is rejected."""
        if output.status != 0 or output.truncated:
            raise UnreadableError(f"ip addr: {output.stderr.last_line() or 'no complete answer'}")
        return tuple(interfaces(output.stdout.lines()))


def interfaces(lines: list[str]) -> Iterator[InterfaceFact]:
    """Parse lines of `ip -o addr`; raises UnreadableError for an invalid address."""
    for words in (line.split() for line in lines):
        if len(words) < 4 or words[2] not in {"inet", "inet6"}:
            continue
        far = _after("peer", words)
        try:
            peer = ip_interface(far) if far else None
            length = f"/{peer.network.prefixlen}" if peer and "/" not in words[3] else ""
            yield InterfaceFact(
                device=words[1], address=ip_interface(words[3] + length), peer=peer.ip if peer else None
            )
        except ValueError:
            raise UnreadableError("ip addr: a line that holds no address") from None


_WIDE4 = "{ ip -4 route show table all match 1.0.0.0/8 && ip -4 route show table all match 193.0.0.0/8; }"
_WIDE6 = "ip -6 route show table all match 2001::/16"
"""Show the routes that cover a wide network in each half of IPv4, or in IPv6, and so lead to the world.

A VPN's routes to 0.0.0.0/1, 128.0.0.0/1 and 2000::/3 stand before the default route, and the tables of a policy
(ip-rule(8)) before the main one.
"""


@dataclass(frozen=True)
class Gateways(Reader[tuple[IPv4Address | IPv6Address, ...]]):
    """Read the gateways to the world, IPv4 and IPv6: of default routes, and of others as wide, in every table."""

    def script(self) -> str:
        """Return the script: the wide routes; a kernel without IPv4 or IPv6 reports an error for the family."""
        return f"{_WIDE4}; four=$?; {_WIDE6} || [ $four = 0 ]"

    def parse(self, output: Output) -> tuple[IPv4Address | IPv6Address, ...]:
        """Parse each `via`; a route with several next hops has several. Raises UnreadableError."""
        _answered(output, "ip route")
        words = output.stdout.decoded().split()
        found = {_address(w) for before, w in pairwise(words) if before in {"via", "inet6"}}
        return tuple(sorted((a for a in found if a), key=lambda a: (a.version, int(a))))


_ASK = """\
unknown() {
    for a in @asked@; do
        ip neigh show "$a" 2>/dev/null | grep -q lladdr && continue
        case $(ip -o route get "$a" 2>/dev/null) in local* | *" via "* | '') ;; *) echo "$a" ;; esac
    done
}
ask() {
    if command -v ping; then ping -c 1 -W 1 "$1"
    else python3 -c 'import socket, sys
a = sys.argv[1]
s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"", (a, 9))' "$1"
    fi >/dev/null 2>&1
}
if silent=$(unknown) && [ -n "$silent" ]; then
    for a in $silent; do ask "$a" & done
    n=0; while [ $n -lt 5 ] && [ -n "$(unknown)" ]; do sleep 0.1; n=$((n + 1)); done
fi
"""


_GATEWAYS = f"$({{ {_WIDE4}; {_WIDE6}; }} 2>/dev/null | sed -n 's/.* via \\([^ ]*\\) .*/\\1/p' | sort -u)"


class NeighbourFact(Fact):
    """One entry of the neighbour table (ip-neighbour(8)) with a link-layer address."""

    address: IPv4Address | IPv6Address
    device: str
    link_address: str
    stale: bool = False
    """The neighbour answered once, without a later probe: present reachability is unknown."""


@dataclass(frozen=True)
class Neighbours(Reader[tuple[NeighbourFact, ...]]):
    """Read the recently seen hosts on the host's own links; of a huge table, the beginning only."""

    asked: tuple[IPv4Address | IPv6Address, ...] = ()
    """Hosts on the links to probe with one packet first, if missing from the table."""
    gateways: bool = False
    """The gateways of the default routes are asked, too."""
    cap = 2 << 20

    def joined_with(self, others: Sequence[Self]) -> Self | None:
        """Return a reader that probes for all: each parses the whole table."""
        every = (self, *others)
        asked = _all(reader.asked for reader in every)
        if len(asked) > _TOGETHER:
            return None
        return replace(self, asked=asked, gateways=any(reader.gateways for reader in every))

    def script(self) -> str:
        """Return the script: a line for each entry, with a timeout of half a second."""
        asked = f"{join(map(str, self.asked))}{f' {_GATEWAYS}' if self.gateways else ''}"
        return f"{_ASK.replace('@asked@', asked)}ip neigh show" if asked else "ip neigh show"

    def parse(self, output: Output) -> tuple[NeighbourFact, ...]:
        """Parse `ADDRESS dev DEVICE lladdr LINK-ADDRESS …`; entries without an answer are skipped."""
        if output.status != 0 and not output.truncated:
            _answered(output, "ip neigh")
        found = []
        for words in (line.split() for line in output.stdout.lines()):
            device, link_address = _after("dev", words), _after("lladdr", words)
            address = _address(words[0]) if words else None
            if address and device and link_address and words[-1] != "FAILED":
                stale = words[-1] == "STALE"
                found.append(NeighbourFact(address=address, device=device, link_address=link_address, stale=stale))
        return tuple(sorted(found, key=lambda n: (n.address.version, int(n.address))))


class RouteFact(Fact):
    """The kernel's route for a packet (ip-route(8), `get`)."""

    address: IPv4Address | IPv6Address
    device: str = ""
    """Empty without a route."""
    gateway: IPv4Address | IPv6Address | None = None
    """`None` for an address on the link itself."""
    local: bool = False
    """The address is the host's own."""
    source: IPv4Address | IPv6Address | None = None
    """The host's source address for the route."""


@dataclass(frozen=True)
class Routes(Reader[tuple[RouteFact, ...]]):
    """Read the route to each of some addresses; no packet is sent."""

    addresses: tuple[IPv4Address | IPv6Address, ...]

    def joined_with(self, others: Sequence[Self]) -> Self | None:
        """Return a reader of all addresses: each parses the lines of its own."""
        addresses = _all(reader.addresses for reader in (self, *others))
        return replace(self, addresses=addresses) if len(addresses) <= _TOGETHER else None

    def script(self) -> str:
        """Return the script: a line for each address."""
        return (
            "command -v ip >/dev/null || { echo 'ip(8) is not installed' >&2; exit 127; }\n"
            f"for a in {join(map(str, self.addresses))}; do\n"
            'printf "%s " "$a"; ip -o route get "$a" 2>/dev/null || echo unreachable; done'
        )

    def parse(self, output: Output) -> tuple[RouteFact, ...]:
        """Parse `ADDRESS [TYPE] ADDRESS [via GATEWAY] dev DEVICE …`, in order of the request."""
        _answered(output, "ip route get")
        ways = {words[0]: words[1:] for line in output.stdout.lines() if (words := line.split())}
        facts = []
        for address in self.addresses:
            words = ways.get(str(address), ["unreachable"])
            if words[0] in _NOWHERE:
                facts.append(RouteFact(address=address))
                continue
            via = _after("via", words)
            gateway = _address(_after("inet6", words) if via == "inet6" else via)
            facts.append(
                RouteFact(
                    address=address,
                    device=_after("dev", words),
                    gateway=gateway,
                    local=words[0] == "local",
                    source=_address(_after("src", words)),
                )
            )
        return tuple(facts)


def _answered(output: Output, command: str) -> None:
    """Raise UnreadableError for an unfinished command: a missing answer is not an empty answer."""
    if output.status != 0 or output.truncated:
        raise UnreadableError(f"{command}: {output.stderr.last_line() or 'no complete answer'}")


@dataclass(frozen=True)
class RoutedBy(Reader[tuple[IPv4Network | IPv6Network, ...]]):
    """Read the networks routed by the kernel to some next hops; of a very long table, the part read in time."""

    gateways: tuple[IPv4Address | IPv6Address, ...]
    deadline: ClassVar[float] = 3.0

    def script(self) -> str:
        """Return the script: the routes."""
        return (
            f"for a in {join(map(str, self.gateways))}; do case $a in *:*) v=-6;; *) v=-4;; esac\n"
            'ip $v route show table all via "$a"; done 2>/dev/null; true'
        )

    def parse(self, output: Output) -> tuple[IPv4Network | IPv6Network, ...]:
        """Parse `[TYPE] NETWORK …`, without the requested next hop; a default route names no network."""
        found = (_network(word) for line in output.stdout.lines() for word in line.split()[:2])
        return tuple(sorted({n for n in found if n}, key=lambda n: (n.version, int(n.network_address), n.prefixlen)))


def _all(
    of_each: Iterable[tuple[IPv4Address | IPv6Address, ...]],
) -> tuple[IPv4Address | IPv6Address, ...]:
    return tuple(dict.fromkeys(address for addresses in of_each for address in addresses))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text) if text[:1].isalnum() and ("." in text or ":" in text) else None
    except ValueError:
        return None


def _after(key: str, words: list[str]) -> str:
    """Return the word after the first `key`, or an empty text."""
    return words[words.index(key) + 1] if key in words[:-1] else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
