"""The router's table of flows: forgetting those of a blocked address, and showing that none is left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Literal

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Program, ProgramFact, Reader
from stopgap.orchestrator.host import Address, Eye, Network
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.tasks.traffic.driver import Block, DeviceFacts, address_text
from stopgap.tasks.traffic.shell import run

IN_NFT_SET, IN_IPSET = "nft", "ipset"
"""What knows who is allowed: a set of the block's table, or one that belongs to its chains."""
LOOKED_AT = 8
"""Blocked networks whose flows are looked for one by one."""
_SOURCE = re.compile(r"src=(\S+)")


def forgets(block: Block, facts: DeviceFacts) -> bool:
    """Tell whether the flows of the blocked addresses can be forgotten, and must: all is blocked of them."""
    return "conntrack" in facts.system.programs and not block.partial


def unforgotten(facts: DeviceFacts) -> Iterator[Gap]:
    """Say what may go on where no flow can be forgotten."""
    if "conntrack" not in facts.system.programs:
        none = Unlimited(why="the rules name no accelerator, and without one every packet meets the drops")
        yield Gap(
            text="conntrack is not installed: a flow from before that an accelerator carries may go on",
            at_best="partly" if offloads(facts) else none,
        )


def offloads(facts: DeviceFacts) -> bool:
    """Tell whether the router's rules have flows carried past them: a flowtable of nft's, or iptables' target."""
    flowtables = facts.flowtables.stdout if facts.flowtables else ""
    chains = "".join(listed.stdout for listed in (facts.rules, facts.rules6) if listed)
    return "flowtable " in flowtables or "-j FLOWOFFLOAD" in chains


def forget_flows(block: Block, name: str, spared: str) -> Command:
    """Forget the flows of the blocked addresses, but those that who is allowed has opened.

    `spared` says where the block of this name keeps who is: IN_NFT_SET or IN_IPSET.

    A flow that was translated, or offloaded, before the block would otherwise go on as it was.
    """
    return run(
        "forget",
        name,
        spared,
        diverted="",
        flows="".join(f"{n.version} {address_text(n)}\n" for n in block.addresses),
    )


def forget_diverted(spares: Iterable[Address]) -> Iterator[Command]:
    """Forget the flows that were translated to a spare, so that visitors find the host itself again."""
    if lines := [f"{address.version} {address}\n" for address in spares]:
        yield run("forget", flows="", diverted="".join(lines))


def no_flow_is_left(block: Block, eye: Eye) -> Iterator[NoFlow]:
    """Look for flows of the blocked addresses, of the first few."""
    for network in block.addresses[:LOOKED_AT]:
        yield NoFlow(eye=eye, address=network, direction="from", allowed=block.allowed)
        yield NoFlow(eye=eye, address=network, direction="to", allowed=block.allowed, spare=block.spare_for(network))


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
