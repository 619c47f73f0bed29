"""An undo that is scheduled on the device itself, for a block that has no expiry of its own.

It is set before the block is made, and outlives the operator's connection. `systemctl list-timers 'stopgap-*'`
shows it; without systemd it is a process that sleeps, and `/run/stopgap` says when it is due.
"""

from __future__ import annotations

from datetime import timedelta

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.facts import Scheduled, ScheduledFact
from stopgap.tasks.traffic.driver import FRESH
from stopgap.tasks.traffic.shell import run


def unit(label: str) -> str:
    """Name the scheduled undo of a block."""
    return f"stopgap-{label}"


def reader(label: str) -> Scheduled:
    """Read when the block of this label ends."""
    return Scheduled(unit(label))


def schedule(label: str, when: timedelta | int, undo: Command) -> Command:
    """Have the device run `undo` in so long, or at that second since 1970; what was scheduled before is replaced."""
    moment = f"+{int(when.total_seconds())}" if isinstance(when, timedelta) else str(when)
    return run("schedule", unit(label), moment, undo=undo.script())


def cancel(label: str) -> Command:
    """Take the scheduled undo away, there or not."""
    return run("cancel", unit(label))


def long_enough(fact: ScheduledFact, wanted: timedelta, fresh: float = FRESH) -> bool:
    """Tell whether what is scheduled comes about when a block as asked for would end; `fresh` as a Block has it."""
    return fact.due is not None and wanted * fresh <= fact.left <= wanted
