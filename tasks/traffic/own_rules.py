"""A host that cuts itself off with routing rules, where it has no packet filter: whatever it sends goes nowhere.

ip-rule(8): the table `local`, which delivers to the host itself, is looked up before them, and so packets to it still
arrive; no answer leaves, but to those who are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.change import Command, RunCommands
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.tasks.traffic import lapse
from stopgap.tasks.traffic.driver import LIFELINE, Block, DeviceFacts, address_text, some, text_diff
from stopgap.tasks.traffic.iproute import PROTOCOL, Rule, routing_rules, rule_lines
from stopgap.tasks.traffic.shell import run

PASS, DROP = 60, 61
"""Priorities: before those that a router's blocks take (`iproute.FIRST`)."""


def usable(facts: DeviceFacts) -> bool:
    """Tell whether it has routing rules for both families."""
    return all(listed is not None and listed.status == 0 for listed in (facts.policy4, facts.policy6))


def stands(block: Block, facts: DeviceFacts) -> bool:
    """See whether there are rules."""
    return any(_before(facts).values())


def plan(block: Block, facts: DeviceFacts) -> Iterator[Planned]:
    """Add the rules, unless they are in force already; their end is scheduled first."""
    before = _before(facts)
    wanted = {version: _wanted(block, version) for version in (4, 6)}
    same = all(sorted(before[version]) == sorted(wanted[version]) for version in (4, 6))
    yield Gap(
        text="routing rules see what is sent: packets to the host still arrive, and are not answered",
        at_best="partly",
    )
    if block.allowed:
        yield Gap(
            text="routing rules know no connections: who is allowed in can also be reached from there",
            at_best="partly",
        )
    if same and lapse.long_enough(facts.scheduled, block.expires, block.fresh):
        yield Note(text="in force until {at}, then it lets everything through", after=facts.scheduled.left)
        return
    there, due = any(before.values()), facts.scheduled.due
    lift = run("lift_rules", PROTOCOL, str(DROP), str(PASS))
    keep = lapse.schedule(block.label, due, lift) if there and due else lapse.cancel(block.label)
    allowed = f", allow {some(block.allowed)}" if block.allowed else ""
    renewed = ", for its full time again" if same else ""
    yield RunCommands(
        about=f"routing rules {PASS}-{DROP}: drop all that it sends{allowed}{renewed}",
        do=(
            lapse.schedule(block.label, block.expires, lift),
            *((lift,) if there and not same else ()),
            *(_lay(version, wanted[version]) for version in (4, 6)),
        ),
        undo=(lift, *(_lay(version, before[version]) for version in (4, 6) if before[version]), keep),
        undo_about="put back the routing rules as they were" if there else "delete these routing rules",
        diff=text_diff("ip rule", rule_lines(before), rule_lines(wanted)),
        lasts=block.expires.total_seconds(),
        lifeline=LIFELINE,
    )


def _wanted(block: Block, version: int) -> list[Rule]:
    allowed = [n for n in block.allowed if n.version == version]
    return [
        *(Rule(PASS, f"from all to {address_text(n)} lookup main") for n in allowed),
        Rule(DROP, "from all blackhole"),
    ]


def _lay(version: int, rules: list[Rule]) -> Command:
    """Add the rules, those who pass first."""
    script = "".join(f"rule add pref {r.pref} protocol {PROTOCOL} {r.text}\n" for r in sorted(rules))
    passing = sum(rule.pref == PASS for rule in rules)
    return run("lay_rules", str(version), str(PASS), str(DROP), str(passing), str(len(rules) - passing), rules=script)


def _before(facts: DeviceFacts) -> dict[int, list[Rule]]:
    listed = {4: routing_rules(facts.policy4), 6: routing_rules(facts.policy6)}
    return {version: [rule for rule in rules if rule.pref in (PASS, DROP)] for version, rules in listed.items()}
