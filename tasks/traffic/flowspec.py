"""The flowspec driver: BIRD sends filter rules to the provider over BGP (RFC 8955, RFC 8956), in two directions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap, Note, Planned, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.bird import SESSIONS, Originated, Rule, Session, content, originate, path, reader, sessions
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, Driver, address_text, way_text
from stopgap.tasks.traffic.router import RouterFacts

NAMED = 4
"""Addresses that one line names; of the rest, how many."""


class Flowspec(Driver):
    """BIRD 2 on or beside the router, with a FlowSpec session to a provider.

    Rules for allowed addresses have no action: evaluation stops there (RFC 8955, section 7.3). The standard order of
    rules puts allow rules before drop rules (section 5.1).
    """

    name: ClassVar[str] = "flowspec"
    capabilities: ClassVar[Capabilities] = Capabilities(
        where="provider", exception=True, expiry="scheduled", commit_confirm=True
    )
    programs: ClassVar[tuple[str, ...]] = ("birdc",)

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a speaker of BGP that routes no packets itself."""
        speaks = router.has("birdc") and not router.routes_packets
        return tr("BIRD is there, and the machine itself routes no packets") if speaks else ""

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the block's file, the BGP sessions, and the expiry timer."""
        return {"file": reader(label), "state": SESSIONS, "scheduled": expiry_timer.reader(label)}

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded by the expiry timer."""
        return expiry_timer.owner(facts.scheduled)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if rules are sent."""
        return bool(_present(facts))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the rules to send, unless sent already with enough time left."""
        carriers = _carriers(block, facts)
        before, wanted = _present(facts), content(block.label, _rules(block), _tables(carriers))
        left = facts.scheduled.left
        if before == wanted and expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
            yield Note(text=tr("in force until {at}, then the rules are withdrawn", at="{at}"), after=left)
        else:
            yield _change(block, facts, before, wanted)
        yield Note(
            text=tr(
                "goes over {value}, as far as its filters let it",
                value=", ".join(sorted({c.protocol for c in carriers})),
            )
        )
        yield Gap(
            text=tr(
                "whether the provider drops what the host sends is not seen from here: ask them to show the filter"
            ),
            at_best="partly",
        )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield a check of the rules exported by each session."""
        rules = tuple(_rules(block))
        for carrier in _carriers(block, facts):
            mine = tuple(rule for rule in rules if rule.version == carrier.version)
            yield Originated(
                vantage=vantage, protocol=carrier.protocol, version=carrier.version, table=carrier.table, rules=mine
            )


def _rules(block: Block) -> Iterator[Rule]:
    """Yield the rules, allow pairs first for readability."""
    for network in block.addresses:
        for allowed in (a for a in block.allowed if a.version == network.version):
            yield Rule(destination=network, source=allowed, accept=True)
            yield Rule(destination=allowed, source=network, accept=True)
    for network in block.addresses:
        if "to" in block.directions:
            yield Rule(destination=network)
        if "from" in block.directions:
            yield Rule(source=network)


def _carriers(block: Block, facts: DeviceFacts) -> tuple[Session, ...]:
    """Return the sessions for the rules; raises Unplannable if a blocked family has no session."""
    if "birdc" not in facts.system.programs or facts.state is None:
        raise Unplannable(tr("BIRD is not installed there"))
    if facts.state.status != 0:
        said = (facts.state.stderr or facts.state.stdout).splitlines()
        raise Unplannable(tr("BIRD does not answer: {rest}", rest=said[-1] if said else tr("no reason given")))
    standing = sessions(facts.state.stdout)
    wanted = {n.version for n in block.addresses}
    for version in sorted(wanted - {s.version for s in standing}):
        raise Unplannable(tr("no BGP session of BIRD that carries FlowSpec for IPv{version} stands", version=version))
    return tuple(s for s in standing if s.version in wanted)


def _tables(carriers: tuple[Session, ...]) -> Mapping[int, tuple[str, ...]]:
    return {v: tuple(dict.fromkeys(c.table for c in carriers if c.version == v)) for v in (4, 6)}


def _present(facts: DeviceFacts) -> str:
    """Return the block's file; empty without a file. Raises Unplannable."""
    there = facts.file
    if there is None or there.kind == "absent":
        return ""
    if there.content is None:
        raise Unplannable(tr("what lies in the place of the block's own file is no ordinary file"))
    return there.content.decode(errors="replace")


def _change(block: Block, facts: DeviceFacts, before: str, wanted: str) -> RunCommands:
    label, shows = block.label, f"cat {path(block.label)}"
    withdraw = originate(label, "")
    renewed = tr(", for its full time again") if before == wanted else ""
    return RunCommands(
        about=tr(
            "send FlowSpec rules that discard packets of {block}{block2}{renewed}",
            block=_some(block),
            block2=_ways(block),
            renewed=renewed,
        ),
        do=(expiry_timer.end(block, withdraw), originate(label, wanted), expiry_timer.record(block, shows)),
        undo=(expiry_timer.undo(block, withdraw, (originate(label, before),) if before else (), facts.scheduled),),
        undo_about=tr("send the rules that were sent before") if before else tr("withdraw the rules"),
        expects=expiry_timer.expected(block, facts.scheduled, shows),
        marked=True,
        diff=tuple(_difference(path(label), before, wanted)),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _ways(block: Block) -> str:
    return (
        tr(" both ways")
        if len(block.directions) == 2
        else tr(", {directions} it alone", directions=way_text(block.directions[0]))
    )


def _some(block: Block) -> str:
    named = ", ".join(address_text(n) for n in block.addresses[:NAMED])
    more = len(block.addresses) - NAMED
    return tr("{named} and {count} more", named=named, count=more) if more > 0 else named


def _difference(name: str, before: str, wanted: str) -> Iterator[str]:
    absent = "" if before else "  (absent)"
    old, new = (text.expandtabs(4).splitlines() for text in (before, wanted))
    return difflib.unified_diff(old, new, f"{name}{absent}", name, lineterm="")
