"""The router's table of flows: forgetting those of a blocked address, and showing that none is left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Literal

from orchestrator.change import Command, command
from orchestrator.check import Check, Judgement
from orchestrator.facts import Program, ProgramFact, Reader
from orchestrator.host import Address, Network
from tasks.traffic.driver import Block, address_text

_FORGET = (
    "while read -r family address allowed; do "
    'conntrack -D -f "$family" -s "$address"; '
    'for web in 80 443; do conntrack -D -f "$family" -d "$address" -p tcp --dport $web; done; '
    'conntrack -D -f "$family" -d "$address" -p udp; '
    'conntrack -L -f "$family" -d "$address" | sed -n "s/^[^=]*src=\\([^ ]*\\).*/\\1/p" | sort -u | head -n 256 | '
    "while read -r source; do "
    'nft get element inet "$0" "$allowed" "{ $source }" || '
    'conntrack -D -f "$family" -s "$source" -d "$address"; '
    "done; done >/dev/null 2>&1; true"
)
"""Flows that an allowed address opened are spared: a firewall that asks for a handshake would cut the operator off.
Web and UDP flows, of which there may be many, go at once."""

_SOURCE = re.compile(r"src=(\S+)")


def forget_flows(block: Block, table: str) -> Command:
    """Forget the flows of the blocked addresses; the sets of `table` say which of them are spared.

    A flow that was translated, or offloaded, before the block would otherwise go on as it was. conntrack(8)
    exits with 1 where nothing matches, which is as good.
    """
    lines = [f"{_family(n)} {address_text(n)} allowed{n.version}\n" for n in block.addresses]
    return command("sh", "-c", _FORGET, table, stdin="".join(lines))


def forget_diverted(spares: Iterable[Address]) -> Iterator[Command]:
    """Forget the flows that were translated to a spare, so that visitors find the host itself again."""
    for address in spares:
        yield command("conntrack", "-D", "-f", _family(address), "--dst-nat", str(address), ok=(0, 1))


class NoFlow(Check):
    """The router knows no flow of a blocked address, but those of who is allowed, and those diverted to the spare."""

    kind: Literal["no-flow"] = "no-flow"
    address: Network
    direction: Literal["from", "to"]
    allowed: tuple[Network, ...]
    spare: Address | None = None

    def describe(self) -> str:
        """Name address and direction."""
        return f"no flow {self.direction} {address_text(self.address)} is left but allowed ones"

    def reader(self) -> Reader[ProgramFact]:
        """List the flows that the address opened, or that were opened to it."""
        side = "-s" if self.direction == "from" else "-d"
        return Program(("conntrack", "-L", "-f", _family(self.address), side, address_text(self.address)))

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look at who opened each flow, and who answers it."""
        if fact.status != 0:
            return Judgement(None, "the table of flows could not be read")
        flows = [ends for line in fact.stdout.splitlines() if len(ends := _SOURCE.findall(line)) == 2]
        leaking = [opener for opener, answerer in flows if not self._spared(opener, answerer)]
        if leaking:
            return Judgement(False, f"{len(leaking)} left, one opened by {leaking[0]}")
        return Judgement(True, f"{len(flows)}, all allowed or diverted" if flows else "none")

    def _spared(self, opener: str, answerer: str) -> bool:
        try:
            source, replies = ip_address(opener), ip_address(answerer)
        except ValueError:
            return False
        allowed = any(source.version == n.version and source in n for n in self.allowed)
        return self.direction == "to" and (allowed or (self.spare is not None and replies == self.spare))


def _family(item: Address | Network) -> str:
    return "ipv4" if item.version == 4 else "ipv6"
