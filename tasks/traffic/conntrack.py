"""The router's table of flows: forgetting those of a blocked address, and showing that none passes by the drops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Flows, FlowsFact, Reader, flow_table, wanted_flows
from stopgap.orchestrator.host import Address, CheckVantage, Network
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.tasks.traffic.driver import Block, DeviceFacts, address_text, some
from stopgap.tasks.traffic.shell import run

IN_NFT_SET, IN_IPSET = "nft", "ipset"
"""What knows who is allowed: a set of the block's table, or one that belongs to its chains."""
SECONDS = 20
"""Time limit of forgetting: what is left then is dropped all the same, and said."""
PROGRAMS = ("conntrack", "python3")
"""Either can forget flows; python3 in one pass over the table, however many addresses there are."""


def forgets(block: Block, facts: DeviceFacts) -> bool:
    """Tell whether the flows of the blocked addresses can be forgotten, and must: all is blocked of them."""
    return can_forget(facts) and not block.partial


def can_forget(facts: DeviceFacts) -> bool:
    """Tell whether the router has a program to forget flows with."""
    return bool({*PROGRAMS} & {*facts.system.programs})


def unforgotten(facts: DeviceFacts) -> Iterator[Gap]:
    """Say what may go on where no flow can be forgotten."""
    if not can_forget(facts):
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
    """Forget the flows of the blocked addresses, but those that who is allowed has opened, within SECONDS.

    `spared` says where the block of this name keeps who is: IN_NFT_SET or IN_IPSET.

    The drops meet the packets of flows from before all the same; a flow that was translated, or offloaded, before the
    block would otherwise go on as it was. Prints how many were forgotten, and what is left.
    """
    return run(
        "forget",
        "blocked",
        str(SECONDS),
        name,
        spared,
        wanted=wanted_flows(block.dropped, block.allowed, block.spare),
        flows="".join(f"{n.version} {address_text(n)}\n" for n in block.dropped),
        table=flow_table(),
    )


def forget_diverted(block: Block) -> Iterator[Command]:
    """Forget the flows that were translated to a spare, so that visitors find the host itself again."""
    if block.spare:
        yield run(
            "forget",
            "diverted",
            str(SECONDS),
            wanted=wanted_flows(block.dropped, spare=block.spare),
            flows="".join(f"{address.version} {address}\n" for address in block.spare),
            table=flow_table(),
        )


def no_flow_passes(block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[NoFlowPasses]:
    """Look for flows of the blocked addresses that pass by the drops; it decides the verdict where rules offload."""
    yield NoFlowPasses(
        vantage=vantage,
        containment=offloads(facts),
        addresses=block.dropped,
        allowed=block.allowed,
        spare=block.spare,
    )


class NoFlowPasses(Check):
    """The router's table of flows has none of a blocked address that is offloaded, and so passes by the ruleset.

    Flows that are only listed pass nothing: their packets meet the drops, which stand before connection tracking.
    """

    kind: Literal["no-flow-passes"] = "no-flow-passes"
    addresses: tuple[Network, ...]
    allowed: tuple[Network, ...]
    spare: tuple[Address, ...] = ()

    def describe(self) -> str:
        """Name the addresses."""
        return f"no flow of {some(self.addresses)} passes by the drops"

    def reader(self) -> Reader[FlowsFact]:
        """Count flows that the addresses opened, or that were opened to them by who is not allowed."""
        return Flows(self.addresses, self.allowed, self.spare)

    def judge(self, fact: FlowsFact) -> Judgement:
        """Tell what is left, and whether it passes."""
        if fact.offloaded:
            return Judgement(False, f"{fact.offloaded} offloaded flows pass, one opened by {fact.opener}")
        if not fact.whole:
            return Judgement(None, "the table of flows could not be read to its end")
        if fact.left:
            return Judgement(True, f"{fact.left} are left in the table; none of them is offloaded")
        return Judgement(True, "none is left")
