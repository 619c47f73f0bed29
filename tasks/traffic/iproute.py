"""The iproute driver: routing rules to drop a host's packets in each direction, on any Linux router.

ip-rule(8): the kernel looks up rules by priority, before any route except the router's own addresses. A block takes
three priorities. The first passes allowed addresses, and the router's own packets (needed to reach the host for
allowed addresses, rp_filter and ARP included). The second drops. The third is the jump target of the first, and
carries the block's mark for later identification.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.change import Command, RunCommands
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import ProgramFact, Reader
from stopgap.orchestrator.host import CheckVantage, Network
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.task import Gap, Note, Planned, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import (
    NAMED,
    ROLLBACK_SECONDS,
    Block,
    DeviceFacts,
    Driver,
    address_text,
    some,
    text_diff,
    way_text,
)
from stopgap.tasks.traffic.listings import rule_list
from stopgap.tasks.traffic.router import RouterFacts
from stopgap.tasks.traffic.shell import run

PROTOCOL = "83"
"""Protocol number of Stopgap's rules (FRA_PROTOCOL); no routing daemon uses this number."""
FIRST, SLOTS = 64, 300
"""Priorities 64 to 963: above the tables that routers add, below 1000, where VRFs begin."""


class Iproute(Driver):
    """ip(8) of iproute2, from 4.17 on (`protocol` of a rule)."""

    name: ClassVar[str] = "iproute"
    capabilities: ClassVar[Capabilities] = Capabilities(
        one_way=True, expiry="scheduled", exception=True, commit_confirm=True
    )
    programs: ClassVar[tuple[str, ...]] = ("ip",)

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a Linux router with neither nft(8) nor iptables with ipset."""
        return tr("neither nft nor iptables with ipset is usable there, and ip is") if router.has("ip") else ""

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the rules of each family, and for the expiry timer."""
        return {
            "rules": rule_list(4),
            "rules6": rule_list(6),
            "scheduled": expiry_timer.reader(label),
        }

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded by the expiry timer."""
        return expiry_timer.owner(facts.scheduled)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if rules are present."""
        listed = {4: routing_rules(facts.rules), 6: routing_rules(facts.rules6)}
        return any(_ours(lines, _place(block.label, listed)) for lines in listed.values())

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the rules, unless in force already."""
        listed = {4: routing_rules(facts.rules), 6: routing_rules(facts.rules6)}
        place = _place(block.label, listed)
        wanted = {version: _wanted(block, place, version) for version in (4, 6)}
        before = {version: _ours(lines, place) for version, lines in listed.items()}
        same = all(sorted(before[version]) == sorted(wanted[version]) for version in (4, 6))
        if same and expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
            yield Note(
                text=tr("in force until {at}, then it lets everything through", at="{at}"), after=facts.scheduled.left
            )
        else:
            yield _change(block, facts, _Slot(place), before, wanted)
        yield from rules_before(listed, place)
        yield Gap(
            text=tr("routing rules see what is forwarded: the router itself and the blocked addresses still talk"),
            at_best="partly",
        )
        if block.allowed:
            yield Gap(
                text=tr("routing rules know no connections: who is allowed in can also be reached from there"),
                at_best="partly",
            )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield checks of the rules."""
        for version in (4, 6):
            if networks := tuple(n for n in block.dropped if n.version == version):
                yield Ruled(vantage=vantage, version=version, addresses=networks, directions=block.directions)


class Ruled(Check):
    """The router's routing rules drop every blocked address in each direction."""

    kind: Literal["ruled"] = "ruled"
    version: Literal[4, 6]
    addresses: tuple[Network, ...]
    directions: tuple[Literal["from", "to"], ...]

    def describe(self) -> str:
        """Name the family and the directions."""
        return tr(
            "IPv{version} routing rules drop {directions} {addresses}",
            version=self.version,
            directions=joined(" and ", map(way_text, self.directions)),
            addresses=some(self.addresses),
        )

    def reader(self) -> Reader[ProgramFact]:
        """List the rules."""
        return rule_list(self.version)

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for each rule; routing rules have no counters."""
        if fact.status != 0:
            return Judgement(None, tr("the rules could not be listed"))
        present = {rule.text for rule in parsed(fact.stdout)}
        wanted = [_drop(network, way) for network in self.addresses for way in self.directions]
        missing = [text for text in wanted if text not in present]
        return Judgement(
            not missing,
            tr("missing: {missing}", missing=missing[0]) if missing else tr("{count} rules", count=len(wanted)),
        )


@dataclass(frozen=True, order=True)
class Rule:
    """A routing rule."""

    pref: int
    text: str
    """The rule in the format of `ip rule`, without the protocol."""
    ours: bool = field(default=False, compare=False)
    """The listed rule has Stopgap's protocol number."""

    def __str__(self) -> str:
        return f"{self.pref}: {self.text}"


@dataclass(frozen=True)
class _Slot:
    first: int

    @property
    def prefs(self) -> tuple[str, ...]:
        """Return the priorities, drop rules first: a lift removes drops before exceptions."""
        return tuple(str(self.first + n) for n in (1, 0, 2))

    def lift(self) -> Command:
        return run("lift_rules", PROTOCOL, *self.prefs)

    def lay(self, version: int, rules: Sequence[Rule]) -> Command:
        """Return the command to add the rules: jump target first, then exceptions, then drops."""
        order = {2: 0, 0: 1, 1: 2}
        in_order = sorted(rules, key=lambda rule: (order[rule.pref - self.first], rule.text))
        script = "".join(f"rule add pref {r.pref} protocol {PROTOCOL} {r.text}\n" for r in in_order)
        drops = sum(rule.pref == self.first + 1 for rule in rules)
        passing = sum(rule.pref == self.first for rule in rules)
        prefs = str(self.first), str(self.first + 1)
        return run("lay_rules", str(version), *prefs, str(passing), str(drops), rules=script)


def _change(
    block: Block,
    facts: DeviceFacts,
    slot: _Slot,
    before: Mapping[int, list[Rule]],
    wanted: Mapping[int, list[Rule]],
) -> RunCommands:
    def lay(rules: Mapping[int, list[Rule]]) -> list[Command]:
        return [slot.lay(version, rules[version]) for version in (4, 6) if rules[version]]

    shows = showing(slot.prefs)
    there = any(before.values())
    changed = any(sorted(before[version]) != sorted(wanted[version]) for version in (4, 6))
    renewed = "" if changed else tr(" for its full time again")
    anew = (slot.lift(),) if there and changed else ()
    return RunCommands(
        about=tr(
            "routing rules {first}-{first2}: {block}{renewed}",
            first=slot.first,
            first2=slot.first + 2,
            block=_about(block),
            renewed=renewed,
        ),
        do=(expiry_timer.end(block, slot.lift()), *anew, *lay(wanted), expiry_timer.record(block, shows)),
        undo=(expiry_timer.undo(block, slot.lift(), (slot.lift(), *lay(before)) if there else (), facts.scheduled),),
        undo_about=tr("put back the routing rules as they were") if there else tr("delete these routing rules"),
        expects=expiry_timer.expected(block, facts.scheduled, shows),
        marked=True,
        diff=text_diff("ip rule", rule_lines(before), rule_lines(wanted)),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def showing(prefs: Sequence[str]) -> str:
    """Return the shell command to print the rules of these priorities, for IPv4 and IPv6."""
    return "for f in 4 6; do ip -$f rule show; done | grep " + " ".join(f"-e ^{pref}:" for pref in sorted(prefs))


def rule_lines(rules: Mapping[int, list[Rule]]) -> list[str]:
    """Give rules by IP version as lines of a diff."""
    return [f"IPv{version} {rule}" for version in (4, 6) for rule in rules[version]]


def _about(block: Block) -> str:
    allowed = tr(", allow {allowed}", allowed=some(block.allowed)) if block.allowed else ""
    return tr("drop {dropped} {ways}{allowed}", dropped=some(block.dropped), ways=block.ways, allowed=allowed)


def routing_rules(fact: ProgramFact | None) -> list[Rule]:
    """Give every rule of the router; raises Unplannable."""
    if fact is None or fact.status != 0:
        said = next(iter(fact.stderr.splitlines()), "") if fact else ""
        raise Unplannable(tr("ip cannot list the routing rules: {said}", said=said or tr("no reason given")))
    return parsed(fact.stdout)


def parsed(listing: str) -> list[Rule]:
    """Return the rules parsed from lines `PREF:<tab>TEXT [proto NAME]`; other lines are skipped."""
    rules = []
    for line in listing.splitlines():
        before, colon, text = line.partition(":")
        if colon and (pref := parse_int(before.strip(), 10)) is not None:
            ours = text.split()[-2:] == ["proto", PROTOCOL]
            rules.append(Rule(pref, " ".join(text.replace(f"proto {PROTOCOL}", "").split()), ours))
    return rules


def _mark(label: str) -> str:
    return f"from all fwmark {zlib.crc32(label.encode()) or 1:#x} nop"


def _place(label: str, listed: Mapping[int, list[Rule]]) -> int:
    """Return the block's first priority: the present priority, or a free one; raises Unplannable.

    A free one before every rule of the router's own is taken, if there is one.
    """
    rules = [rule for lines in listed.values() for rule in lines]
    mark = _mark(label)
    for rule in rules:
        if rule.text == mark:
            return rule.pref - 2
    taken = {(rule.pref - FIRST) // 3 for rule in rules}
    start: int = zlib.crc32(label.encode()) % SLOTS
    free = [slot for n in range(SLOTS) if (slot := (start + n) % SLOTS) not in taken]
    if not free:
        raise Unplannable(
            tr(
                "no three priorities between {first} and {first2} are free for routing rules",
                first=FIRST,
                first2=FIRST + 3 * SLOTS,
            )
        )
    earliest = min((rule.pref for rule in rules if rule.pref and not rule.ours), default=FIRST + 3 * SLOTS)
    before_all = [slot for slot in free if FIRST + 3 * slot + 2 < earliest]
    return FIRST + 3 * (before_all or free)[0]


def rules_before(listed: Mapping[int, list[Rule]], place: int) -> Iterator[Gap]:
    """Yield a gap for rules of the machine's own that decide before a block at `place`, by IP version.

    The rule of priority 0 is not counted: its table holds the machine's own addresses.
    """
    found = {rule for rules in listed.values() for rule in rules if 0 < rule.pref < place and not rule.ours}
    if found:
        more = len(found) - NAMED
        named = joined("; ", map(str, sorted(found)[:NAMED]))
        yield Gap(
            text=tr(
                "routing rules that were there come before the drops, and what they lead on passes: {rules}",
                rules=tr("{named} and {count} more", named=named, count=more) if more > 0 else named,
            ),
            at_best="partly",
        )


def _ours(listed: list[Rule], place: int) -> list[Rule]:
    return [rule for rule in listed if place <= rule.pref <= place + 2]


def _wanted(block: Block, place: int, version: int) -> list[Rule]:
    blocked = [n for n in block.dropped if n.version == version]
    allowed = [n for n in block.allowed if n.version == version]
    if not blocked:
        return []
    passing = ["from all iif lo"]
    for one in blocked:
        for other in allowed:
            a, b = address_text(one), address_text(other)
            passing += [f"from {b} to {a}", f"from {a} to {b}"]
    return [
        *(Rule(place, f"{text} goto {place + 2}") for text in passing),
        *(Rule(place + 1, _drop(network, way)) for network in blocked for way in block.directions),
        Rule(place + 2, _mark(block.label)),
    ]


def _drop(network: Network, way: str) -> str:
    return f"from {'all to ' if way == 'to' else ''}{address_text(network)} blackhole"
