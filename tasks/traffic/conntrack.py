"""Connection tracking of the router: delete flows of blocked addresses, and check for flows around the drops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Flows, FlowsFact, Reader, flow_program, wanted_flows
from stopgap.orchestrator.host import Address, CheckVantage, Network
from stopgap.orchestrator.task import Gap, Unlimited
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import Block, DeviceFacts, address_text, some
from stopgap.tasks.traffic.shell import run

IN_NFT_SET, IN_IPSET = "nft", "ipset"
"""Place of the allowed addresses: a set of the block's table, or an ipset."""
SECONDS = 20
"""Time limit for the deletion of flows, in seconds; packets of remaining flows are dropped anyway, and reported."""
PROGRAMS = ("conntrack", "python3")
"""Programs able to delete flows; python3 needs one pass over the table for any number of addresses."""


def forgets(block: Block, facts: DeviceFacts) -> bool:
    """Return True if flows of the blocked addresses can and must be deleted: only for a full block."""
    return can_forget(facts) and not block.partial


def can_forget(facts: DeviceFacts) -> bool:
    """Return True if the router has a program to delete flows."""
    return bool({*PROGRAMS} & {*facts.system.programs})


def unforgotten(facts: DeviceFacts) -> Iterator[Gap]:
    """Yield a gap on flows if the router cannot delete flows."""
    if not can_forget(facts):
        none = Unlimited(why=tr("the rules name no accelerator, and without one every packet meets the drops"))
        yield Gap(
            text=tr("conntrack is not installed: a flow from before that an accelerator carries may go on"),
            at_best="partly" if offloads(facts) else none,
        )


def offloads(facts: DeviceFacts) -> bool:
    """Return True if the router offloads flows: a flowtable of nft, or the FLOWOFFLOAD target of iptables."""
    flowtables = facts.flowtables.stdout if facts.flowtables else ""
    chains = "".join(listed.stdout for listed in (facts.rules, facts.rules6) if listed)
    return "flowtable " in flowtables or "-j FLOWOFFLOAD" in chains


def forget_flows(block: Block, name: str, spared: str) -> Command:
    """Return the command to delete flows of the blocked addresses within SECONDS, except flows opened by allowed
    addresses.

    `spared` is the place of the allowed addresses: IN_NFT_SET or IN_IPSET.

    Packets of older flows meet the drops in any case; a flow translated or offloaded before the block would otherwise
    go on. The command prints the number of deleted flows and of remaining flows.
    """
    return run(
        "forget",
        "blocked",
        str(SECONDS),
        name,
        spared,
        wanted=wanted_flows(block.dropped, block.allowed, block.spare),
        flows="".join(f"{n.version} {address_text(n)}\n" for n in block.dropped),
        table=flow_program(),
    )


def forget_diverted(block: Block) -> Iterator[Command]:
    """Yield the command to delete flows translated to a spare, so visitors reach the host again."""
    if block.spare:
        yield run(
            "forget",
            "diverted",
            str(SECONDS),
            wanted=wanted_flows(block.dropped, spare=block.spare),
            flows="".join(f"{address.version} {address}\n" for address in block.spare),
            table=flow_program(),
        )


def no_flow_passes(block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[NoFlowPasses]:
    """Yield a check for flows around the drops; the check counts for containment if rules offload flows."""
    yield NoFlowPasses(
        vantage=vantage,
        containment=offloads(facts),
        addresses=block.dropped,
        allowed=block.allowed,
        spare=block.spare,
    )


class NoFlowPasses(Check):
    """The router's connection table has no offloaded flow of a blocked address.

    Listed but not offloaded flows pass nothing: the drops come before connection tracking.
    """

    kind: Literal["no-flow-passes"] = "no-flow-passes"
    addresses: tuple[Network, ...]
    allowed: tuple[Network, ...]
    spare: tuple[Address, ...] = ()

    def describe(self) -> str:
        """Name the addresses."""
        return tr("no flow of {addresses} passes by the drops", addresses=some(self.addresses))

    def reader(self) -> Reader[FlowsFact]:
        """Return a reader to count flows opened by the addresses, or opened to the addresses by sources not
        allowed.
        """
        return Flows(self.addresses, self.allowed, self.spare)

    def judge(self, fact: FlowsFact) -> Judgement:
        """Report the remaining flows, and if offloaded flows pass."""
        if fact.offloaded:
            return Judgement(
                False,
                tr(
                    "{offloaded} offloaded flows pass, one opened by {opener}",
                    offloaded=fact.offloaded,
                    opener=fact.opener,
                ),
            )
        if not fact.whole:
            return Judgement(None, tr("the table of flows could not be read to its end"))
        if fact.left:
            return Judgement(True, tr("{left} are left in the table; none of them is offloaded", left=fact.left))
        return Judgement(True, tr("none is left"))
