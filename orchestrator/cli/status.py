"""status: changes in force, by the journal and by the devices."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage, show_strays
from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.cli.verdicts import show_again
from stopgap.orchestrator.journal import ChangeStatus, DamagedRunError, History, Journal, state_home
from stopgap.orchestrator.run.device_state import Seen
from stopgap.orchestrator.runbook import format_duration

SOON = timedelta(hours=6)
"""A block that ends within this time is warned of."""
LAST = 0.1
"""So is one with less than this part of its time left."""
_NAMED = 4
"""Lines of a difference that are shown."""


def status(args: Namespace) -> int:
    """List the changes in force; return 0 as expected, 1 if a device or a damaged journal differs.

    3 if a device was unreachable.
    """
    screen = screens.out()
    shown = _Shown(screen)
    with Journal.open_to_read(state_home()) as journal:
        damaged = show_strays(screen, journal)
        for run in journal.runs():
            try:
                history = journal.history(run.id)
            except DamagedRunError as error:
                damaged = show_damage(screen, error.run, error.problems)
                continue
            lapsed = [c for c in history.changes if c.expired and c.state == "done"]
            if show_damage(screen, history.run, (*history.damage, *history.unsigned)):
                damaged = True
            elif not (history.in_force() or lapsed or _going_back(history)) and history.state != "running":
                continue
            # A damaged journal may name any host, and any command for a secret: no device is contacted then.
            seen = {} if args.offline or history.damage or history.unsigned else _look(history, shown.latest.keys())
            shown.run(history, lapsed, seen)
    if not shown.anything:
        screen.line("Nothing is in force that the journal can tell of." if damaged else "Nothing is in force.")
    return shown.exit_code or int(damaged)


class _Shown:
    """Changes shown so far: of two runs with the same change, the later counts."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.latest: dict[tuple[str, str], str] = {}
        """Host and key of what a run has made → the run."""
        self.anything = False
        self.exit_code = 0

    def run(self, history: History, lapsed: Iterable[ChangeStatus], seen: Mapping[tuple[str, str], Seen]) -> None:
        screen, self.anything = self._screen, True
        screen.line(f"{history.run}  {history.started.runbook_name}  ({history.state})", "title")
        told: set[tuple[str, str]] = set()
        for change in history.in_force():
            place = change.step, change.target
            until = f"until {moment(change.ends)}" if change.ends else "until undone"
            doubt = "" if change.state == "done" else f"  [{change.state}]"
            line = f"  {change.host:<11} {change.change.describe()}; {until}{doubt}"
            screen.line(line, "warn" if doubt else "")
            if change.goes_back:
                self._say(_back(change, change.goes_back), "warn")
            if place in seen and place not in told:
                told.add(place)
                self._device(history.run, change, seen[place])
        for change in _going_back(history):
            if change.goes_back and not change.stands:
                screen.line(f"  {change.host:<11} {change.change.describe()}  [{change.state}]", "warn")
                self._say(_back(change, change.goes_back), "warn")
        for change in lapsed:
            ended = f"lapsed {moment(change.ends)}" if change.ends else "lapsed"
            screen.line(f"  {change.host:<11} {change.change.describe()}; {ended}", "quiet")
        self._verdicts(history, list(seen.values()))

    def _replaced(self, run: str, seen: Seen) -> bool:
        """Return True if a later run has repeated the change; the verdict is shown there."""
        return seen.standing is not None and self.latest.get((seen.host, seen.standing.key), run) != run

    def _verdicts(self, history: History, seen: Sequence[Seen]) -> None:
        """Show the present containment of each target; the run's verdict is shown with the time."""
        from stopgap.orchestrator.run.again import look_again

        current = [one for one in seen if not self._replaced(history.run, one)]
        replaced = {one.target for one in seen} - {one.target for one in current}
        for again in look_again(history, current):
            if again.target in replaced:
                continue
            show_again(self._screen, again, history.state)
            if again.worse or again.unseen:
                self._wrong()

    def _device(self, run: str, change: ChangeStatus, seen: Seen) -> None:
        if seen.unreachable:
            self._say(f"unreachable: {seen.unreachable}; the journal alone says so", "bad")
            self.exit_code = 3
            return
        found = seen.standing
        if found is None:
            self._say(f"could not be seen: {seen.trouble}", "bad")
            self._wrong()
            return
        later = self.latest.setdefault((seen.host, found.key), run)
        if later != run:
            self._say(f"made again by run {later}", "quiet")
            return
        if found.state == "in-force":
            left = f", {_rounded(found.left)} left" if found.left is not None else ""
            self._say(f"in force{left}, as {seen.host} says", "good")
            if found.left is not None and _ends_soon(found.left, change):
                at = moment(datetime.now(UTC) + found.left)
                self._say(f"ends soon, {at}, and then lets everything through: run `extend` to prolong it", "warn")
        elif found.state == "gone":
            self._say("gone: the router was restarted, or somebody took it away", "bad")
            self._wrong()
        else:
            self._say("changed by somebody since; to put it right:", "bad")
            for line in found.difference[:_NAMED]:
                self._say(f"  {line}")
            if (more := len(found.difference) - _NAMED) > 0:
                self._say(f"  and {more} lines more")
            self._wrong()
        if found.state != "gone":
            for look in seen.looks:
                self._say(look)

    def _say(self, text: str, style: str = "") -> None:
        self._screen.line(f"    {text}", style)

    def _wrong(self) -> None:
        self.exit_code = self.exit_code or 1


def _going_back(history: History) -> list[ChangeStatus]:
    """Return the changes with a running rollback timer."""
    now = datetime.now(UTC)
    return [change for change in history.changes if change.goes_back and change.goes_back > now]


def _back(change: ChangeStatus, by: datetime) -> str:
    """Return the time of the rollback of an unconfirmed change, or of a change with unknown confirmation."""
    when = f"{by:%H:%M:%S} UTC"
    if by > datetime.now(UTC):
        return f"unless it was confirmed, {change.host} takes it back by itself by {when}"
    return f"unless it was confirmed, {change.host} has taken it back by itself, at {when} at the latest"


def _ends_soon(left: timedelta, change: ChangeStatus) -> bool:
    whole = change.ends - change.made if change.ends and change.made else None
    return left < SOON or (whole is not None and left < whole * LAST)


def _rounded(left: timedelta) -> str:
    minute = timedelta(minutes=1)
    return format_duration(round(left / minute) * minute if left > 2 * minute else left)


def _look(history: History, replaced: Container[tuple[str, str]]) -> dict[tuple[str, str], Seen]:
    from stopgap.orchestrator.remote import ConnectAhead
    from stopgap.orchestrator.run.connection_pool import ConnectionPool
    from stopgap.orchestrator.run.consent import recall
    from stopgap.orchestrator.run.device_state import look_at

    if not history.in_force():
        return {}
    hosts = history.hosts
    recall(history.started.inventory_path, history.started.inventory_text)
    with ConnectAhead(hosts) as connect, ConnectionPool(hosts, connect) as pool:
        return {(seen.step, seen.target): seen for seen in look_at(history, pool, replaced)}
