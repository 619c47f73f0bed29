"""The iptables driver: sets with kernel timeouts, and chains ahead of all others, for IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.change import MARK, Command, Expectation, RunCommands
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import ProgramFact, Reader, ReadOnly
from stopgap.orchestrator.host import CheckVantage, Network
from stopgap.orchestrator.task import Note, Planned, Refused, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.chains import EVERYBODY, TABLES, Chains, cards_of, chains, name_of, present
from stopgap.tasks.traffic.conntrack import (
    IN_IPSET,
    PROGRAMS,
    forget_diverted,
    forget_flows,
    forgets,
    no_flow_passes,
    unforgotten,
)
from stopgap.tasks.traffic.driver import (
    NAMED,
    ROLLBACK_SECONDS,
    Block,
    DeviceFacts,
    Driver,
    address_text,
    some,
    text_diff,
)
from stopgap.tasks.traffic.ownership import change_of, expectation, maker
from stopgap.tasks.traffic.router import RouterFacts
from stopgap.tasks.traffic.shell import run

LONGEST = timedelta(seconds=2147483)
"""What a set's element can be given (ipset(8), `timeout`)."""
SETS = ReadOnly(("ipset", "save"), because="ipset(8): `save` without -file prints the sets").asked()
SAVED4, SAVED6 = (
    ReadOnly((program,), because="iptables-save(8): without -f it prints the rules").asked()
    for program in ("iptables-save", "ip6tables-save")
)


class Iptables(Driver):
    """iptables(8) and ip6tables(8), legacy or nft backend, and ipset(8)."""

    name: ClassVar[str] = "iptables"
    capabilities: ClassVar[Capabilities] = Capabilities(
        one_way=True,
        expiry="device",
        exception=True,
        answers_alone=True,
        local=True,
        cards=True,
        bridged=True,
        divert=True,
        commit_confirm=True,
    )
    programs: ClassVar[tuple[str, ...]] = ("iptables-save", "ip6tables-save", "ipset", *PROGRAMS)

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a router with iptables and ipset, whose nft(8) is absent or does not work."""
        if not router.has("iptables-save", "ipset"):
            return ""
        nft = tr("nft does not work") if router.has("nft") else tr("nft is not installed")
        six = "" if router.has("ip6tables-save") else tr(", ip6tables is not")
        return tr("iptables and ipset are installed{six}, {nft}", six=six, nft=nft)

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for all tables and sets."""
        return {"rules": SAVED4, "rules6": SAVED6, "state": SETS}

    def cards_in_force(self, label: str, facts: DeviceFacts) -> tuple[str, ...]:
        """Return the link-layer addresses dropped by the chains."""
        listed = facts.rules.stdout if facts.rules and facts.rules.status == 0 else ""
        return cards_of(present(name_of(label), {4: listed}, "").rules.get(4, ()))

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner from the first rule of the chains."""
        saved = {v: f.stdout for v, f in ((4, facts.rules), (6, facts.rules6)) if f is not None and f.status == 0}
        return owner_of(present(name_of(label), saved, ""))

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if chains are present."""
        saved = {4: listed_tables(facts.rules, "iptables-save"), 6: listed_tables(facts.rules6, "ip6tables-save")}
        return bool(present(name_of(block.label), saved, listed_tables(facts.state, "ipset save")).rules)

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield sets and chains, unless in force already."""
        if block.expires > LONGEST:
            raise Refused(
                tr("ipset keeps nothing for longer than {days} days: ask for less in `expires`", days=LONGEST.days)
            )
        saved = {4: listed_tables(facts.rules, "iptables-save"), 6: listed_tables(facts.rules6, "ip6tables-save")}
        name, wanted = name_of(block.label), chains(block)
        before = present(name, saved, listed_tables(facts.state, "ipset save"))
        lapsing = {*block.dropped, *(n for nets in EVERYBODY.values() for n in nets if block.cards)}
        left = min((t for s in before.sets.values() for n, t in s.items() if n in lapsing), default=None)
        if before.same_as(wanted) and left is not None and left >= block.expires * block.fresh:
            yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=left)
        else:
            yield _load(block, name, before, wanted, absent_tables(saved, wanted), forgetting=forgets(block, facts))
        yield from unforgotten(facts)

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield checks of the sets and of the drop chains."""
        yield InSet(vantage=vantage, name=name_of(block.label), addresses=block.dropped)
        for version, rules in chains(block).rules.items():
            yield Chained.model_validate(
                {"vantage": vantage, "name": name_of(block.label), "version": version, "rules": rules}
            )
        if forgets(block, facts):
            yield from no_flow_passes(block, facts, vantage)


class InSet(Check):
    """Every blocked address is in the block's set, and has not lapsed."""

    kind: Literal["in-set"] = "in-set"
    name: str
    addresses: tuple[Network, ...]

    def describe(self) -> str:
        """Name the sets."""
        return tr("{addresses} in the sets {name}", addresses=some(self.addresses), name=self.name)

    def reader(self) -> Reader[ProgramFact]:
        """List the sets."""
        return SETS

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for each."""
        if fact.status != 0:
            return Judgement(None, tr("the sets could not be listed"))
        inside = {n for elements in present(self.name, {}, fact.stdout).sets.values() for n in elements}
        missing = [address_text(n) for n in self.addresses if n not in inside]
        return Judgement(
            not missing, tr("{missing} is not, or has lapsed", missing=missing[0]) if missing else tr("all")
        )


class Chained(Check):
    """The drop chains are unchanged, and stand ahead of all others."""

    kind: Literal["chained"] = "chained"
    name: str
    version: Literal[4, 6]
    rules: tuple[str, ...]

    def describe(self) -> str:
        """Name the chains."""
        return tr("IPv{version} chains {name} drop ahead of all others", version=self.version, name=self.name)

    def reader(self) -> Reader[ProgramFact]:
        """List the tables."""
        return SAVED4 if self.version == 4 else SAVED6

    def judge(self, fact: ProgramFact) -> Judgement:
        """Compare rules and jumps."""
        if fact.status != 0:
            return Judgement(None, tr("the tables could not be listed"))
        found = present(self.name, {self.version: fact.stdout}, "")
        if found.rules.get(self.version) != self.rules:
            return Judgement(False, tr("the chains are not there, or not as they were made"))
        return Judgement(found.first, tr("they are") if found.first else tr("something stands before them"))


def listed_tables(fact: ProgramFact | None, program: str) -> str:
    """Return a program's output; raises Unplannable for a failed program."""
    if fact is None or fact.status != 0:
        said = next(iter(fact.stderr.splitlines()), "") if fact else ""
        raise Unplannable(tr("{program} lists nothing: {said}", program=program, said=said or tr("no reason given")))
    return fact.stdout


def absent_tables(saved: Mapping[int, str], wanted: Chains) -> tuple[str, ...]:
    """Return family and name of each table needed but absent."""
    pairs = [(4, "ip"), (6, "ip6")]
    tables = [table for table in TABLES if table in wanted.tables]
    return tuple(
        word for v, family in pairs for table in tables if f"*{table}\n" not in saved[v] for word in (family, table)
    )


def _load(
    block: Block, name: str, before: Chains, wanted: Chains, absent: tuple[str, ...], *, forgetting: bool
) -> RunCommands:
    there = bool(before.rules)
    renewed = tr(", for its full time again") if before.same_as(wanted) else ""
    nat = tr(", behind NAT {addresses}", addresses=some(block.behind)) if block.behind else ""
    card = tr(", by its card {cards}", cards=", ".join(block.cards[:NAMED])) if block.cards else ""
    allowed = tr(", allow {allowed}", allowed=some(block.allowed)) if block.allowed else ""
    web = tr(", web to {spare}", spare=", ".join(map(str, block.spare))) if block.spare else ""
    return RunCommands(
        about=tr(
            "chains {name}: drop {addresses} {ways}{nat}{card}{allowed}{web}{renewed}",
            name=name,
            addresses=some(block.addresses),
            ways=block.ways,
            nat=nat,
            card=card,
            allowed=allowed,
            web=web,
            renewed=renewed,
        ),
        do=(load(block, wanted, before),),
        afterwards=(forget_flows(block, name, IN_IPSET),) if forgetting else (),
        undo=(put_back(block, before, absent), *(forget_diverted(block) if forgetting else ())),
        undo_about=tr("put back chains and sets {name} as they were", name=name)
        if there
        else tr("delete chains and sets {name}", name=name),
        expects=expected(block, before),
        marked=True,
        diff=text_diff(name, before.listing(), wanted.listing()),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def owner_of(there: Chains) -> str | None:
    """Return the controller recorded by the chains; empty if unrecorded, None without chains."""
    made = maker(there.made)
    return made[0] if made else "" if there.rules else None


def expected(block: Block, before: Chains) -> Expectation:
    """Return the expectation of the chains before an undo."""
    return expectation(run("chains", "look", name_of(block.label), block.owner), change_of(before.made))


def load(block: Block, wanted: Chains, before: Chains) -> Command:
    """Return the command to load chains and sets for the block's time; chains of another owner end with DRIFTED."""
    name, lasts = name_of(block.label), str(int(block.expires.total_seconds()))
    arguments = ("load", name, block.owner, MARK, change_of(before.made), lasts)
    return run("chains", *arguments, **_inputs(name, wanted))


def put_back(block: Block, before: Chains, absent: tuple[str, ...]) -> Command:
    """Return the command to restore earlier chains and sets for the time left; without earlier chains, remove all."""
    name, replaced = name_of(block.label), change_of(before.made)
    return run("chains", "unload", name, block.owner, MARK, replaced, *absent, **_inputs(name, before))


def lift(name: str, absent: tuple[str, ...]) -> Command:
    """Return the command to remove chains and sets of this name, by any owner, and tables in `absent`."""
    return run("chains", "lift", name, "", "", "", *absent)


def _inputs(name: str, state: Chains) -> dict[str, str]:
    return {
        "sets": state.restore_sets(name),
        "chains4": state.restore(4, name),
        "chains6": state.restore(6, name),
    }
