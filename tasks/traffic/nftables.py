"""The nftables driver: a table of the block's own, loaded in one transaction, with timeouts in the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from stopgap.orchestrator.change import Expectation, RunCommands
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import FileFact, NftTable, ProgramFact, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap, Note, Planned, Unlimited, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.after_boot import (
    end_is_right,
    end_reader,
    loader,
    loader_readers,
    no_way,
    put_end_back,
    set_end,
)
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.conntrack import (
    IN_NFT_SET,
    PROGRAMS,
    forget_diverted,
    forget_flows,
    forgets,
    no_flow_passes,
    unforgotten,
)
from stopgap.tasks.traffic.counters import Dropping, remaining, state_reader
from stopgap.tasks.traffic.driver import NAMED, ROLLBACK_SECONDS, Block, DeviceFacts, Driver, listed, some
from stopgap.tasks.traffic.listings import NFT_STATELESS
from stopgap.tasks.traffic.ownership import NOTHING, change_of, expectation, maker
from stopgap.tasks.traffic.router import RouterFacts
from stopgap.tasks.traffic.ruleset import difference, elements_of, ruleset, same, table_of, unmarked
from stopgap.tasks.traffic.table import load, look, put_back


class Nftables(Driver):
    """nft(8) from 0.9.3 on; conntrack(8) if installed."""

    name: ClassVar[str] = "nftables"
    capabilities: ClassVar[Capabilities] = Capabilities(
        one_way=True,
        expiry="device",
        exception=True,
        answers_alone=True,
        commit_confirm=True,
        local=True,
        cards=True,
        bridged=True,
        after_nat=True,
        divert=True,
        services=True,
        persist=True,
        log=True,
    )
    programs: ClassVar[tuple[str, ...]] = ("nft", *PROGRAMS)
    sudo_for: ClassVar[tuple[str, ...]] = ("nft",)

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a Linux router with a working nft(8)."""
        if not router.nft_works:
            return ""
        beside = ", ".join(router.other_tables[:NAMED])
        return tr("nft works there") + (tr(", beside {beside}", beside=beside) if beside else "")

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the table, without and with times and counters, and for flow offloading."""
        table = table_of(label)
        block = {
            "rules": NftTable("inet", table, "-s"),
            "state": state_reader(table),
            "flowtables": NFT_STATELESS.asked("flowtables"),
        }
        return {**block, "boot_end": end_reader(label)} if self.capabilities.persist else block

    def reads_to_persist(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the files used to load the table after a reboot."""
        return loader_readers(label)

    def ruleset(self, block: Block) -> str:
        """Return the table of a block as text."""
        return ruleset(block)

    def cards_in_force(self, label: str, facts: DeviceFacts) -> tuple[str, ...]:
        """Return the set of cards of the table; empty without a set."""
        listed = facts.rules.stdout if facts.rules and facts.rules.status == 0 else ""
        return elements_of("cards", listed)

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded in the table."""
        if facts.rules is None or facts.rules.status != 0:
            return None
        made = maker(facts.rules.stdout)
        return made[0] if made else ""

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if a table is present."""
        return bool(_present(facts))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the table to load, unless in force already."""
        before, wanted = _present(facts), self.ruleset(block)
        if block.persist and (why := no_way(facts)):
            yield Gap(
                text=tr("the block ends with a reboot of the router: {reason}", reason=why),
                at_best=Unlimited(why=tr("the router drops until then")),
            )
            block = replace(block, persist=False)
        left = _time_left(block, facts) if same(unmarked(before), wanted) else None
        if left is None:
            yield _load(block, before, wanted, facts.boot_end, forgetting=forgets(block, facts))
        else:
            yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=left)
            if not end_is_right(block, facts):
                yield _change_end(block, before, facts.boot_end)
        if block.persist:
            yield from loader(block, wanted, facts)
        yield from unforgotten(facts)

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield checks of drops and counters, then of the remaining flows."""
        yield Dropping(
            vantage=vantage, table=table_of(block.label), addresses=block.dropped, directions=block.directions
        )
        if forgets(block, facts):
            yield from no_flow_passes(block, facts, vantage)


def _present(facts: DeviceFacts) -> str:
    """Return the present table as text; empty without a table. Raises Unplannable."""
    listed = facts.rules
    if "nft" not in facts.system.programs or listed is None:
        raise Unplannable(tr("nft is not installed there"))
    if listed.status == 0:
        return listed.stdout
    if "No such file or directory" in listed.stderr:
        return ""
    reason = next(iter(listed.stderr.splitlines()), tr("no reason given"))
    raise Unplannable(tr("nft cannot list the ruleset: {reason}", reason=reason))


def _time_left(block: Block, facts: DeviceFacts) -> timedelta | None:
    """Return the time left to the block; None if a renewal is needed."""
    state: ProgramFact | None = facts.state
    if state is None or state.status != 0:
        return None
    try:
        left = remaining(state.stdout)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    shortest = min((left.get(n, timedelta()) for n in block.dropped), default=timedelta())
    return shortest if shortest >= block.expires * block.fresh else None


def _load(block: Block, before: str, wanted: str, end: FileFact, *, forgetting: bool) -> RunCommands:
    table, replaced = table_of(block.label), change_of(before)
    keeping = block.persist or end.kind != "absent"
    return RunCommands(
        about=_about(block, renewed=bool(before) and same(unmarked(before), wanted)),
        do=(
            load(block, wanted, replaced),
            *((set_end(block),) if keeping else ()),
        ),
        afterwards=(forget_flows(block, table, IN_NFT_SET),) if forgetting else (),
        undo=(
            put_back(block, before, replaced),
            *((put_end_back(block, end, before),) if keeping else ()),
            *(forget_diverted(block) if forgetting else ()),
        ),
        undo_about=tr("put back table inet {table} as it was", table=table)
        if before
        else tr("delete table inet {table}", table=table),
        expects=expectation(look(block), replaced),
        marked=True,
        diff=difference(unmarked(before), wanted, block.label),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _change_end(block: Block, before: str, end: FileFact) -> RunCommands:
    made = change_of(before)
    what = tr("also after a reboot, until the same moment") if block.persist else tr("no longer after a reboot")
    return RunCommands(
        about=tr("table inet {label}: {what}", label=table_of(block.label), what=what),
        do=(set_end(block),),
        undo=(put_end_back(block, end, before),),
        expects=Expectation(look=look(block), left=(made, NOTHING)) if made else None,
    )


def _about(block: Block, *, renewed: bool) -> str:
    parts: list[str] = [tr("drop {addresses} {ways}", addresses=some(block.addresses), ways=block.ways)]
    parts += [tr("behind NAT {addresses}", addresses=some(block.behind))] if block.behind else []
    parts += [tr("by its card {cards}", cards=", ".join(block.cards[:NAMED]))] if block.cards else []
    parts += [tr("leave {services} open", services=listed(block.services))] if block.services else []
    parts += [tr("allow {allowed}", allowed=some(block.allowed))] if block.allowed else []
    parts += [tr("web to {spare}", spare=", ".join(map(str, block.spare)))] if block.spare else []
    parts += [tr("for its full time again")] if renewed else []
    parts += [tr("also after a reboot")] if block.persist else []
    return tr("table inet {label}: {parts}", label=table_of(block.label), parts=joined(", ", parts))
