"""The expiry timer: an undo scheduled on the device, for blocks without an expiry of their own.

The timer is set before the block, and survives a lost connection. `systemctl list-timers 'stopgap-*'` shows the
timer; without systemd, a sleeping process serves, and `/run/stopgap` records end, owner, change and the block's
checksum.
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
    """Return a reader for the block's end and owner."""
    return Scheduled(unit(label))


def schedule(label: str, when: timedelta | int, undo: Command, whose: Sequence[str] = (NOBODY, MARK)) -> Command:
    """Return the command to schedule `undo` on the device, in place of an earlier timer.

    `when` is a time from now, or seconds since 1970. `whose` is the controller, the change, and the block's checksum
    if known.
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
    """Return the command to record the checksum of the block; `shows` is a shell command to print the block."""
    return run("scheduled", "record", unit(block.label), block.owner, shows=shows)


def undo(block: Block, lift: Command, back: Sequence[Command], before: ScheduledFact) -> Command:
    """Return the undo: restore the earlier block with the earlier end; lift the block if no earlier block existed.

    A block made in spite of drift is lifted: the earlier block may have been undone since.
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
    """Return the expectation of the block as left by this change; `shows` is a shell command to print the block."""
    look = run("scheduled", "look", unit(block.label), block.owner, shows=shows)
    replaced = (before.change, f"changed {before.change}") if before.change else ()
    return Expectation(look=look, left=(MARK,), gone=(NOTHING, ANOTHERS, *replaced))


def owner(fact: ScheduledFact) -> str | None:
    """Return the controller recorded by the timer; empty if unrecorded, None without a timer."""
    return None if fact.due is None else fact.owner


def long_enough(fact: ScheduledFact, wanted: timedelta, fresh: float = FRESH) -> bool:
    """Return True if the time left fits the wanted time; `fresh` is the least fraction left, as in Block."""
    return fact.due is not None and wanted * fresh <= fact.left <= wanted
