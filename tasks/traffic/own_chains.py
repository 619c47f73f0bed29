"""Own isolation of a host with iptables, legacy or nft backend, IPv4 and IPv6, for hosts without nft."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.task import Note, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.chains import Chains, name_of, own_chains, present
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, some, text_diff
from stopgap.tasks.traffic.iptables import absent_tables, expected, lift, load, owner_of, put_back


def usable(facts: DeviceFacts) -> bool:
    """Return True if iptables is usable for IPv4 and IPv6."""
    return all(listed is not None and listed.status == 0 for listed in (facts.tables4, facts.tables6))


def owner(label: str, facts: DeviceFacts) -> str | None:
    """Return the controller recorded by the chains; empty if unrecorded, None without chains."""
    return owner_of(_before(label, facts))


def stands(block: Block, facts: DeviceFacts) -> bool:
    """Return True if chains are present."""
    return bool(_before(block.label, facts).rules)


def plan(block: Block, facts: DeviceFacts) -> Iterator[Planned]:
    """Yield the chains, unless in force already; the expiry timer comes first."""
    before, wanted, name = _before(block.label, facts), own_chains(block), name_of(block.label)
    same = before.same_as(wanted)
    if same and expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
        yield Note(
            text=tr("in force until {at}, then it lets everything through", at="{at}"), after=facts.scheduled.left
        )
        return
    absent = absent_tables(_saved(facts), wanted)
    back = (put_back(block, before, absent),) if before.rules else ()
    allowed = tr(", allow {allowed}", allowed=some(block.allowed)) if block.allowed else ""
    yield RunCommands(
        about=tr(
            "chains {name}: drop all that comes and goes{allowed}{rest}",
            name=name,
            allowed=allowed,
            rest=tr(", for its full time again") if same else "",
        ),
        do=(expiry_timer.end(block, lift(name, absent)), load(block, wanted, before)),
        undo=(expiry_timer.undo(block, lift(name, absent), back, facts.scheduled),),
        undo_about=tr("put back chains {name} as they were", name=name)
        if before.rules
        else tr("delete chains {name}", name=name),
        expects=expected(block, before),
        marked=True,
        diff=text_diff(name, before.listing(), wanted.listing()),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _before(label: str, facts: DeviceFacts) -> Chains:
    return present(name_of(label), _saved(facts), "")


def _saved(facts: DeviceFacts) -> dict[int, str]:
    return {v: listed.stdout for v, listed in ((4, facts.tables4), (6, facts.tables6)) if listed is not None}
