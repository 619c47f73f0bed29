"""Altering a device's configuration: look, say, look again from a second login, and only then confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stopgap.orchestrator.dialogue import Alter, Sight
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.device.dialect import DIALECTS, Dialect
from stopgap.orchestrator.remote.device.terminal import Terminal
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.wire.deadline import Deadline

FAILED, DRIFTED = 1, 76
"""Statuses, as a script's: the second one is `stopgap.orchestrator.change.DRIFTED`."""


@dataclass(frozen=True)
class Altered:
    """How it ended: 0, FAILED or DRIFTED, and why."""

    status: int
    reason: str = ""


def alter(
    wanted: Alter, terminal: Terminal, log_in: Callable[[Deadline], Terminal], host: Host, deadline: Deadline
) -> Altered:
    """Make an alteration. What the device refuses is taken back; what nobody confirms it takes back itself.

    Raises OSError where the device stops answering: then nobody knows.
    """
    dialect = DIALECTS[host.cli or "ios"]
    words = wanted.words
    seen = _look(wanted.sights, terminal, deadline)
    if seen and not any(seen.values()):
        return Altered(0)
    if seen and not all(seen.values()) and not wanted.force:
        return Altered(DRIFTED, "it shows neither what was there before nor what is wanted")
    if refusal := _say_all(words.enter, terminal, dialect, deadline):
        return Altered(FAILED, refusal)
    if refusal := _say_all((*words.lines, *words.commit), terminal, dialect, deadline):
        for line in words.abort:
            terminal.say(line, deadline)
        return Altered(FAILED, refusal)
    if not words.confirm:
        return _judged(wanted, terminal, deadline)
    try:
        second = log_in(deadline)
    except Unreachable as error:
        return Altered(
            FAILED,
            f"a second login failed ({error.reason}), so it was not confirmed: "
            f"{host.name} goes back by itself {words.within} s after it was made",
        )
    try:
        shown = _judged(wanted, second, deadline)
        if shown.status:
            return Altered(shown.status, f"{shown.reason}; not confirmed, it goes back within {words.within} s")
        if refusal := _say_all(words.confirm, second, dialect, deadline):
            return Altered(FAILED, f"not confirmed, it goes back within {words.within} s: {refusal}")
        return Altered(0)
    finally:
        second.close()


def _look(sights: Iterable[Sight], terminal: Terminal, deadline: Deadline) -> dict[Sight, bool]:
    """Give, for each sight, whether it is still as before."""
    shown = {show: terminal.say(show, deadline) for show in dict.fromkeys(sight.show for sight in sights)}
    return {sight: sight.holds(shown[sight.show]) is sight.before for sight in sights}


def _judged(wanted: Alter, terminal: Terminal, deadline: Deadline) -> Altered:
    as_before = [sight for sight, same in _look(wanted.sights, terminal, deadline).items() if same]
    if not as_before:
        return Altered(0)
    return Altered(FAILED, f"it took every line, but {as_before[0].show} does not show it")


def _say_all(lines: Iterable[str], terminal: Terminal, dialect: Dialect, deadline: Deadline) -> str | None:
    """Say lines until one is refused; give which, and how."""
    for line in lines:
        if refused := dialect.refused(terminal.say(line, deadline)):
            return f"{line}: {refused}"
    return None
