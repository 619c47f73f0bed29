"""The host driver: a host isolates itself, the last resort without an upstream.

An intruder with root can remove the block without a trace, or fake a loaded block. The block stops automated attacks
for a while, and proves nothing. The driver uses nft, else iptables, else routing rules; as the last method, the links
go down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, ClassVar

from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap, Note, Planned, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer, own_chains, own_links, own_rules
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.iptables import SAVED4, SAVED6
from stopgap.tasks.traffic.listings import routes, rule_list
from stopgap.tasks.traffic.nftables import Nftables
from stopgap.tasks.traffic.ruleset import host_ruleset

EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class OwnHost(Nftables):
    """Isolation by the target's own tools: untrusted. The target's view of the drops is never read."""

    name: ClassVar[str] = "host"
    capabilities: ClassVar[Capabilities] = Capabilities(
        expiry="device",
        exception=True,
        answers_alone=True,
        commit_confirm=True,
        local=True,
        trusted=False,
        less=tr(
            "without nft, by iptables and a scheduled undo; without both, by routing rules, and packets "
            "to it still arrive, unanswered; without these, its links go down, for the operator too, "
            "once a person has said yes"
        ),
    )
    sudo_for: ClassVar[tuple[str, ...]] = ()
    programs: ClassVar[tuple[str, ...]] = ("nft", "iptables-save", "ip6tables-save", "ip")

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for every method."""
        return {
            **super().reads(label),
            "tables4": SAVED4,
            "tables6": SAVED6,
            "policy4": rule_list(4),
            "policy6": rule_list(6),
            "main4": routes(4),
            "main6": routes(6),
            "scheduled": expiry_timer.reader(label),
        }

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner of the block, for any method."""
        if _has_nft(facts):
            return super().owner(label, facts)
        if own_chains.usable(facts):
            return own_chains.owner(label, facts)
        return expiry_timer.owner(facts.scheduled)

    def ruleset(self, block: Block) -> str:
        """Return a table to drop all packets by any address, except for allowed addresses."""
        return host_ruleset(block)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if a block of any method is present."""
        ways = (super().stands, own_chains.stands, own_rules.stands, own_links.stands)
        usable = (_has_nft, own_chains.usable, own_rules.usable, own_links.usable)
        return any(way(block, facts) for way, can in zip(ways, usable, strict=True) if can(facts))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the block by the first usable method, unless in force already."""
        if _has_nft(facts):
            planned = super().plan(replace(block, addresses=EVERYTHING), facts)
            yield from (item for item in planned if not isinstance(item, Gap))
        elif own_chains.usable(facts):
            yield Note(text=tr("nft cannot be used there: iptables drops instead"))
            yield from own_chains.plan(block, facts)
        elif own_rules.usable(facts):
            yield Note(text=tr("neither nft nor iptables can be used there: routing rules drop what it sends"))
            yield from own_rules.plan(block, facts)
        elif own_links.usable(facts):
            yield Note(text=tr("neither nft nor iptables nor routing rules can be used there: its links go down"))
            yield from own_links.plan(block, facts)
        else:
            raise Unplannable(tr("the host has neither nft nor iptables nor ip: it cannot cut itself off"))

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Ask the host nothing: only packets from outside tell."""
        yield from ()


def _has_nft(facts: DeviceFacts) -> bool:
    """Return True if nft lists the block's table, or reports no such table: a kernel may lack nftables."""
    listed = facts.rules
    answers = listed is not None and (listed.status == 0 or "No such file or directory" in listed.stderr)
    return "nft" in facts.system.programs and answers
