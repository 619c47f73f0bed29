"""The flowspec driver: has BIRD send the provider filter rules over BGP (RFC 8955, RFC 8956), both directions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap, Note, Planned, Unplannable
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.bird import SESSIONS, Originated, Rule, Session, content, originate, path, reader, sessions
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, Driver, address_text

NAMED = 4
"""Addresses that one line names; of the rest, how many."""


class Flowspec(Driver):
    """BIRD 2 on the router or beside it, with a session that carries FlowSpec to a provider who installs the rules.

    Rules for who is allowed have no action: evaluation stops at them (RFC 8955, section 7.3), and they come before
    the others by the order that every speaker sorts them in (section 5.1).
    """

    name: ClassVar[str] = "flowspec"
    capabilities: ClassVar[Capabilities] = Capabilities(
        where="provider", exception=True, expiry="scheduled", commit_confirm=True
    )
    programs: ClassVar[tuple[str, ...]] = ("birdc",)

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Read the block's file, which sessions stand, and when the block of this label ends."""
        return {"file": reader(label), "state": SESSIONS, "scheduled": expiry_timer.reader(label)}

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Read who scheduled the end of the rules."""
        return expiry_timer.owner(facts.scheduled)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """See whether rules are sent."""
        return bool(_present(facts))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Send the rules, unless they are sent already and for long enough."""
        carriers = _carriers(block, facts)
        before, wanted = _present(facts), content(block.label, _rules(block), _tables(carriers))
        left = facts.scheduled.left
        if before == wanted and expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
            yield Note(text="in force until {at}, then the rules are withdrawn", after=left)
        else:
            yield _change(block, facts, before, wanted)
        yield Note(
            text=f"goes over {', '.join(sorted({c.protocol for c in carriers}))}, as far as its filters let it"
        )
        yield Gap(
            text="whether the provider drops what the host sends is not seen from here: ask them to show the filter",
            at_best="partly",
        )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Look at what each session sends."""
        rules = tuple(_rules(block))
        for carrier in _carriers(block, facts):
            mine = tuple(rule for rule in rules if rule.version == carrier.version)
            yield Originated(
                vantage=vantage, protocol=carrier.protocol, version=carrier.version, table=carrier.table, rules=mine
            )


def _rules(block: Block) -> Iterator[Rule]:
    """Give the rules; an allowed pair first, for whoever reads them."""
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
    """Give the sessions that take the rules; each family that is blocked needs one."""
    if "birdc" not in facts.system.programs or facts.state is None:
        raise Unplannable("BIRD is not installed there")
    if facts.state.status != 0:
        said = (facts.state.stderr or facts.state.stdout).splitlines()
        raise Unplannable(f"BIRD does not answer: {said[-1] if said else 'no reason given'}")
    standing = sessions(facts.state.stdout)
    wanted = {n.version for n in block.addresses}
    for version in sorted(wanted - {s.version for s in standing}):
        raise Unplannable(f"no BGP session of BIRD that carries FlowSpec for IPv{version} stands")
    return tuple(s for s in standing if s.version in wanted)


def _tables(carriers: tuple[Session, ...]) -> Mapping[int, tuple[str, ...]]:
    return {v: tuple(dict.fromkeys(c.table for c in carriers if c.version == v)) for v in (4, 6)}


def _present(facts: DeviceFacts) -> str:
    """Give the file as it is; empty where there is none."""
    there = facts.file
    if there is None or there.kind == "absent":
        return ""
    if there.content is None:
        raise Unplannable("what lies in the place of the block's own file is no ordinary file")
    return there.content.decode(errors="replace")


def _change(block: Block, facts: DeviceFacts, before: str, wanted: str) -> RunCommands:
    label, shows = block.label, f"cat {path(block.label)}"
    withdraw = originate(label, "")
    renewed = ", for its full time again" if before == wanted else ""
    return RunCommands(
        about=f"send FlowSpec rules that discard packets of {_some(block)}{_ways(block)}{renewed}",
        do=(expiry_timer.end(block, withdraw), originate(label, wanted), expiry_timer.record(block, shows)),
        undo=(expiry_timer.undo(block, withdraw, (originate(label, before),) if before else (), facts.scheduled),),
        undo_about="send the rules that were sent before" if before else "withdraw the rules",
        expects=expiry_timer.expected(block, facts.scheduled, shows),
        marked=True,
        diff=tuple(_difference(path(label), before, wanted)),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _ways(block: Block) -> str:
    return " both ways" if len(block.directions) == 2 else f", {block.directions[0]} it alone"


def _some(block: Block) -> str:
    named = ", ".join(address_text(n) for n in block.addresses[:NAMED])
    more = len(block.addresses) - NAMED
    return f"{named} and {more} more" if more > 0 else named


def _difference(name: str, before: str, wanted: str) -> Iterator[str]:
    absent = "" if before else "  (absent)"
    old, new = (text.expandtabs(4).splitlines() for text in (before, wanted))
    return difflib.unified_diff(old, new, f"{name}{absent}", name, lineterm="")
