"""The host driver: a host cuts itself off, the last resort where there is no upstream.

Whoever broke in has root there, and can lift it without a trace, or make it look loaded when it is not. It buys time
against what runs by itself, and proves nothing. It uses what the host has: nft, else iptables, else routing rules;
where there is nothing else it takes the links down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, ClassVar

from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Program, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap, Note, Planned, Unplannable
from stopgap.tasks.traffic import expiry_timer, own_chains, own_links, own_rules
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.iproute import listing
from stopgap.tasks.traffic.iptables import SAVED4, SAVED6
from stopgap.tasks.traffic.nftables import Nftables
from stopgap.tasks.traffic.ruleset import host_ruleset

EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class OwnHost(Nftables):
    """What the target itself has: not to be trusted. Its own view of the drops is not even asked for."""

    name: ClassVar[str] = "host"
    capabilities: ClassVar[Capabilities] = Capabilities(
        expiry="device",
        exception=True,
        answers_alone=True,
        commit_confirm=True,
        local=True,
        trusted=False,
        less="without nft, by iptables and a scheduled undo; without both, by routing rules, and packets to it still "
        "arrive, unanswered; without these, its links go down, for the operator too, once a person has said yes",
    )
    programs: ClassVar[tuple[str, ...]] = ("nft", "iptables-save", "ip6tables-save", "ip")

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Read what each of the ways would change."""
        return {
            **super().reads(label),
            "tables4": SAVED4,
            "tables6": SAVED6,
            "policy4": listing(4),
            "policy6": listing(6),
            "main4": Program(("ip", "-4", "route", "show")),
            "main6": Program(("ip", "-6", "route", "show")),
            "scheduled": expiry_timer.reader(label),
        }

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Read who made it, in whatever way it was made."""
        if _has_nft(facts):
            return super().owner(label, facts)
        if own_chains.usable(facts):
            return own_chains.owner(label, facts)
        return expiry_timer.owner(facts.scheduled)

    def ruleset(self, block: Block) -> str:
        """Give a table that drops whatever comes or goes, by any address, save for who is allowed."""
        return host_ruleset(block)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """See whether anything is there, made in whatever way."""
        ways = (super().stands, own_chains.stands, own_rules.stands, own_links.stands)
        usable = (_has_nft, own_chains.usable, own_rules.usable, own_links.usable)
        return any(way(block, facts) for way, can in zip(ways, usable, strict=True) if can(facts))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Cut it off in the first way that the host has, unless it is so already."""
        if _has_nft(facts):
            planned = super().plan(replace(block, addresses=EVERYTHING), facts)
            yield from (item for item in planned if not isinstance(item, Gap))
        elif own_chains.usable(facts):
            yield Note(text="nft cannot be used there: iptables drops instead")
            yield from own_chains.plan(block, facts)
        elif own_rules.usable(facts):
            yield Note(text="neither nft nor iptables can be used there: routing rules drop what it sends")
            yield from own_rules.plan(block, facts)
        elif own_links.usable(facts):
            yield Note(text="neither nft nor iptables nor routing rules can be used there: its links go down")
            yield from own_links.plan(block, facts)
        else:
            raise Unplannable("the host has neither nft nor iptables nor ip: it cannot cut itself off")

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Ask the host nothing: only packets from outside tell."""
        yield from ()


def _has_nft(facts: DeviceFacts) -> bool:
    """Tell whether nft lists the block's table, or says that there is none: a kernel may know nothing of it."""
    listed = facts.rules
    answers = listed is not None and (listed.status == 0 or "No such file or directory" in listed.stderr)
    return "nft" in facts.system.programs and answers
