"""Isolation of a host by routing rules, without a packet filter: outgoing packets are dropped.

ip-rule(8): the kernel looks up the table `local`, for delivery to the host itself, before these rules. Packets to the
host still arrive; only allowed addresses get an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.change import Command, RunCommands
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, address_text, some, text_diff
from stopgap.tasks.traffic.iproute import PROTOCOL, Rule, routing_rules, rule_lines, rules_before, showing
from stopgap.tasks.traffic.shell import run

PASS = 60
"""The first of two priorities, before those that a router's blocks take (`iproute.FIRST`): who passes, what drops."""
PASS_BESIDE = 62
"""The same of a block beside another controller's."""


def usable(facts: DeviceFacts) -> bool:
    """Return True if the host has routing rules for IPv4 and IPv6."""
    return all(listed is not None and listed.status == 0 for listed in (facts.policy4, facts.policy6))


def stands(block: Block, facts: DeviceFacts) -> bool:
    """Return True if rules are present."""
    return any(_before(block.label, facts).values())


def plan(block: Block, facts: DeviceFacts) -> Iterator[Planned]:
    """Yield the rules, unless in force already; the expiry timer comes first."""
    before, first = _before(block.label, facts), _first(block.label)
    wanted = {version: _wanted(block, version) for version in (4, 6)}
    same = all(sorted(before[version]) == sorted(wanted[version]) for version in (4, 6))
    listed = {4: routing_rules(facts.policy4), 6: routing_rules(facts.policy6)}
    yield from rules_before(listed, first)
    yield Gap(
        text=tr("routing rules see what is sent: packets to the host still arrive, and are not answered"),
        at_best="partly",
    )
    if block.allowed:
        yield Gap(
            text=tr("routing rules know no connections: who is allowed in can also be reached from there"),
            at_best="partly",
        )
    if same and expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
        yield Note(
            text=tr("in force until {at}, then it lets everything through", at="{at}"), after=facts.scheduled.left
        )
        return
    there, shows = any(before.values()), showing((str(first), str(first + 1)))
    lift = run("lift_rules", PROTOCOL, str(first + 1), str(first))
    back = (lift, *(_lay(first, version, before[version]) for version in (4, 6) if before[version])) if there else ()
    allowed = tr(", allow {allowed}", allowed=some(block.allowed)) if block.allowed else ""
    renewed = tr(", for its full time again") if same else ""
    yield RunCommands(
        about=tr(
            "routing rules {first}-{first2}: drop all that it sends{allowed}{renewed}",
            first=first,
            first2=first + 1,
            allowed=allowed,
            renewed=renewed,
        ),
        do=(
            expiry_timer.end(block, lift),
            *((lift,) if there and not same else ()),
            *(_lay(first, version, wanted[version]) for version in (4, 6)),
            expiry_timer.record(block, shows),
        ),
        undo=(expiry_timer.undo(block, lift, back, facts.scheduled),),
        undo_about=tr("put back the routing rules as they were") if there else tr("delete these routing rules"),
        expects=expiry_timer.expected(block, facts.scheduled, shows),
        marked=True,
        diff=text_diff("ip rule", rule_lines(before), rule_lines(wanted)),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _wanted(block: Block, version: int) -> list[Rule]:
    allowed, first = [n for n in block.allowed if n.version == version], _first(block.label)
    return [
        *(Rule(first, f"from all to {address_text(n)} lookup main") for n in allowed),
        Rule(first + 1, "from all blackhole"),
    ]


def _lay(first: int, version: int, rules: list[Rule]) -> Command:
    """Return the command to add the rules, exceptions first."""
    script = "".join(f"rule add pref {r.pref} protocol {PROTOCOL} {r.text}\n" for r in sorted(rules))
    passing = sum(rule.pref == first for rule in rules)
    counts = str(passing), str(len(rules) - passing)
    return run("lay_rules", str(version), str(first), str(first + 1), *counts, rules=script)


def _first(label: str) -> int:
    return PASS_BESIDE if "-" in label else PASS


def _before(label: str, facts: DeviceFacts) -> dict[int, list[Rule]]:
    listed = {4: routing_rules(facts.policy4), 6: routing_rules(facts.policy6)}
    prefs = (_first(label), _first(label) + 1)
    return {version: [rule for rule in rules if rule.pref in prefs] for version, rules in listed.items()}
