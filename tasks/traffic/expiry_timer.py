"""An undo that is scheduled on the device itself, for a block that has no expiry of its own.

It is set before the block is made, and outlives the operator's connection. `systemctl list-timers 'stopgap-*'`
shows it; without systemd it is a process that sleeps, and `/run/stopgap` says when it is due, whose the block is,
which change made it, and by a checksum how it was left.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from stopgap.orchestrator.change import MARK, Command, Expectation, command, in_order
from stopgap.orchestrator.facts import Scheduled, ScheduledFact
from stopgap.tasks.traffic.driver import FRESH, NOBODY, Block
from stopgap.tasks.traffic.ownership import ANOTHERS, NOTHING
from stopgap.tasks.traffic.shell import run


def unit(label: str) -> str:
    """Name the scheduled undo of a block."""
    return f"stopgap-{label}"


def reader(label: str) -> Scheduled:
    """Read when the block of this label ends, and whose it is."""
    return Scheduled(unit(label))


def schedule(label: str, when: timedelta | int, undo: Command, whose: Sequence[str] = (NOBODY, MARK)) -> Command:
    """Have the device run `undo` in so long, or at that second since 1970; what was scheduled before is replaced.

    `whose`: the controller, the change that makes the block, and the checksum of what it has made, where it is known.
    """
    moment = f"+{int(when.total_seconds())}" if isinstance(when, timedelta) else str(when)
    return run("schedule", unit(label), moment, *whose, undo=undo.script())


def end(block: Block, undo: Command) -> Command:
    """Have the device run `undo` when the block's time is over."""
    return schedule(block.label, block.expires, undo, (block.owner, MARK))


def cancel(label: str) -> Command:
    """Take the scheduled undo away, there or not."""
    return run("cancel", unit(label))


def record(block: Block, shows: str) -> Command:
    """Keep the checksum of what a shell command `shows` of the block, now that it is made."""
    return run("scheduled", "record", unit(block.label), block.owner, shows=shows)


def undo(block: Block, lift: Command, back: Sequence[Command], before: ScheduledFact) -> Command:
    """Put back what stood before, with the end that was scheduled for it; lift the block where nothing did.

    Where drift was overridden the block is lifted: what stood before may have been undone since.
    """
    lifted = in_order((lift, cancel(block.label)))
    if not back:
        return command("sh", "-c", lifted)
    again = cancel(block.label)
    if before.due is not None:
        again = schedule(block.label, before.due, lift, (before.owner, before.change, before.sum))
    restored = in_order((*back, again))
    return command("sh", "-c", f'if [ "$forced" ]; then\n{lifted}\nelse\n{restored}\nfi')


def expected(block: Block, before: ScheduledFact, shows: str = "") -> Expectation:
    """Expect the block as this change has left it, by what a shell command `shows` of it."""
    look = run("scheduled", "look", unit(block.label), block.owner, shows=shows)
    replaced = (before.change, f"changed {before.change}") if before.change else ()
    return Expectation(look=look, left=(MARK,), gone=(NOTHING, ANOTHERS, *replaced))


def owner(fact: ScheduledFact) -> str | None:
    """Name the controller that scheduled it; empty: it does not say. None where nothing is scheduled."""
    return None if fact.due is None else fact.owner


def long_enough(fact: ScheduledFact, wanted: timedelta, fresh: float = FRESH) -> bool:
    """Tell whether what is scheduled comes about when a block as asked for would end; `fresh` as a Block has it."""
    return fact.due is not None and wanted * fresh <= fact.left <= wanted
