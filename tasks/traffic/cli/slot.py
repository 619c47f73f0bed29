"""Common parts of the command-line drivers: the owner prepares a slot, and a block adds entries to the slot only.

docs/routers.md describes the slot for each vendor.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from stopgap.orchestrator.change import DeviceChange, Entry, Witness, Words
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Reader, Shown, ShownFact
from stopgap.orchestrator.host import CheckVantage, Cli
from stopgap.orchestrator.task import Gap, Note, Planned, Refused, Unlimited, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.cli.presence import Standing
from stopgap.tasks.traffic.cli.procedure import PENDING, confirmed, once
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver, address_text, way_text

NAMED = 4
"""Addresses that one line names; of the rest, how many."""


@dataclass(frozen=True)
class Placed:
    """One entry of a block, with the lines to put and to take the entry."""

    entry: Entry
    put: str
    take: str
    within: str = ""
    """Said before either: where the entry lies."""

    @property
    def taken(self) -> Entry:
        """Return the entry with the lines to take the entry away."""
        return self.entry.model_copy(update={"within": self.within, "take": self.take})

    def stands(self, shown: ShownFact) -> bool:
        """Return True if the entry is present."""
        return _seen(self.entry, shown)


class SlotDriver(Driver):
    """A driver for a device with a command line instead of a shell."""

    cli: ClassVar[Cli]
    commands: ClassVar[tuple[str, ...]]
    """What shows the slot and its entries."""

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Look at the slot."""
        pending = PENDING.get(self.cli)
        return {"shown": Shown((*self.commands, *((pending.show,) if pending else ())))}

    @abstractmethod
    def lacks(self, block: Block, shown: ShownFact) -> Iterator[str]:
        """Yield the missing parts of the slot: without these parts a block would drop nothing, or too much."""

    @abstractmethod
    def witnesses(self, block: Block) -> tuple[Witness, ...]:
        """Return witnesses: lines always shown by a device with a usable slot."""

    @abstractmethod
    def entries(self, block: Block, shown: ShownFact) -> list[Placed]:
        """Give every entry of the block."""

    def heals(self, shown: ShownFact) -> bool:
        """Return True if the device reverts an unconfirmed change by itself."""
        return self.capabilities.commit_confirm

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if an entry is present, or if the output shows too little to decide."""
        shown = facts.shown or ShownFact()
        if doubt(self.witnesses(block), shown):
            return True
        return any(one.stands(shown) for one in self.entries(block, shown))

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the change to put the missing entries."""
        refuse_part(self, block)
        shown = facts.shown or ShownFact()
        if not any(shown.shown.values()):
            raise Unplannable(tr("the router shows nothing at all: neither its configuration nor a refusal"))
        pending = PENDING.get(self.cli)
        if pending and (waiting := pending.found(shown.shown.get(pending.show, ""))):
            raise Refused(
                tr(
                    "a change waits there to be confirmed, and what is shown may be taken back by itself: "
                    "{waiting}; a commit now would confirm it: try again when it is over",
                    waiting=waiting,
                )
            )
        if lacking := list(self.lacks(block, shown)):
            only = instead(self.witnesses(block), shown)
            raise Unplannable(
                tr(
                    "the router is not prepared for blocks{rest}: {value} (docs/routers.md, {name})",
                    rest=tr(", by what it shows") if only else "",
                    value=joined("; ", [*lacking[:3], *only[:1]]),
                    name=self.name,
                )
            )
        placed = self.entries(block, shown)
        missing = [one for one in placed if not one.stands(shown)]
        if missing:
            yield self.change(block, missing, shown)
            if not self.heals(shown) and self.healing_needs:
                yield Gap(
                    text=tr(
                        "the router would not go back by itself after a lock-out: {healing_needs}",
                        healing_needs=self.healing_needs,
                    ),
                    at_best=Unlimited(why=tr("a router that does not go back by itself goes on dropping")),
                )
        else:
            yield from self.renewal(block, placed, shown)
        yield Note(text=tr("the router is not asked who shares the target's segment; an upstream cannot part them"))

    healing_needs: ClassVar[str] = ""
    """What the router's owner can do about it, where `heals` depends on that."""

    def renewal(self, block: Block, placed: list[Placed], shown: ShownFact) -> Iterator[Planned]:
        """Yield the renewal of a complete block."""
        yield Note(text=tr("in force until it is undone"))

    def change(self, block: Block, missing: list[Placed], shown: ShownFact) -> DeviceChange:
        """Return the change to put the entries, confirmed by a second login if the device has a rollback timer."""
        put, take = lines_of(missing, "put"), lines_of(missing[::-1], "take")
        return DeviceChange(
            about=about(block),
            do=confirmed(self.cli, block.label, put)
            if self.heals(shown)
            else once(self.cli, block.label, put, back=take),
            undo=self.undo(block, take, put),
            added=tuple(one.taken for one in missing),
            witnesses=self.witnesses(block),
            looked=shown,
        )

    def undo(self, block: Block, take: list[str], put: list[str]) -> Words:
        """Take the entries away."""
        return once(self.cli, block.label, take, back=put)

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield a check of every entry."""
        placed = self.entries(block, facts.shown or ShownFact())
        yield Standing(
            vantage=vantage,
            commands=self.commands,
            entries=tuple(one.entry for one in placed),
            witnesses=self.witnesses(block),
        )


def doubt(witnesses: Iterable[Witness], shown: ShownFact) -> str:
    """Return the reason for not trusting absent lines; empty if the output is complete."""
    return next((why for w in witnesses if (why := w.lacks(shown.shown.get(w.show, "")))), "")


def instead(witnesses: Iterable[Witness], shown: ShownFact) -> list[str]:
    """Quote each answer of a single line that is not what its command always shows: a refusal has one line."""
    answers = {w.show: shown.lines(w.show) for w in witnesses if w.lacks(shown.shown.get(w.show, ""))}
    return [
        tr("`{show}` shows only: {lines}", show=show, lines=lines[0])
        for show, lines in answers.items()
        if len(lines) == 1
    ]


def refuse_part(driver: Driver, block: Block) -> None:
    """Raise Refused for a block on fewer directions than the driver drops."""
    if extra := [way for way in driver.capabilities.directions if way not in block.directions]:
        raise Refused(
            tr(
                "the driver {driver} cannot let packets {extra} it pass",
                driver=driver.name,
                extra=joined(" and ", map(way_text, extra)),
            )
        )


def lines_of(placed: Iterable[Placed], which: str) -> list[str]:
    """Give the lines of entries, each place entered once in a row."""
    lines: list[str] = []
    here = ""
    for one in placed:
        if one.within and one.within != here:
            lines.append(one.within)
        here = one.within
        lines.append(one.put if which == "put" else one.take)
    return lines


def about(block: Block) -> str:
    """Return a block's summary in one line."""
    named = ", ".join(address_text(n) for n in block.addresses[:NAMED])
    rest = len(block.addresses) - NAMED
    allowed = ", ".join(address_text(n) for n in block.allowed[:NAMED])
    return tr(
        "drop {named}{rest} both ways{rest2}",
        named=named,
        rest=tr(" and {count} more", count=rest) if rest > 0 else "",
        rest2=tr(", allow {allowed}", allowed=allowed) if allowed else "",
    )


def _seen(entry: Entry, shown: ShownFact) -> bool:
    return entry.stands_in(shown.shown.get(entry.show, ""))
