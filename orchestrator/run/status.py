"""What is in force: what the journal says, and what the devices show now. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from stopgap.orchestrator.journal.failure import DamagedRunError
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.run.gist import Gist, gist_json, quiet_gist

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import ChangeStatus, History, Journal, Stray
    from stopgap.orchestrator.journal.evidence_waiting import NotStored
    from stopgap.orchestrator.journal.open_hosts import OpenHost
    from stopgap.orchestrator.run.device_state import Seen
    from stopgap.orchestrator.run.standing import HostStands
    from stopgap.orchestrator.run.verdict import Again
    from stopgap.orchestrator.sinks.backlog import Undelivered

SOON = timedelta(hours=6)
"""A block that ends within this time is warned of."""
LAST = 0.1
"""So is a block with less than this part of its time left."""

LookState: TypeAlias = Literal["in-force", "changed", "gone", "replaced", "unreachable", "unseen"]
Place: TypeAlias = tuple[str, str]
"""Step and target."""


@dataclass(frozen=True)
class DeviceLook:
    """What a look at a device showed of one step of a run."""

    seen: Seen
    replaced_by: str | None = None
    """The later run that has made the same thing again; that run's own look tells."""
    ends_soon: bool = False

    @property
    def state(self) -> LookState:
        """Name what was seen; `changed` also where a lasting check fails.

        `replaced`: a later run made the same again. `unseen`: the device could not tell.
        """
        if self.seen.unreachable:
            return "unreachable"
        if self.seen.standing is None:
            return "unseen"
        if self.replaced_by:
            return "replaced"
        return "changed" if self.seen.broken else self.seen.standing.state

    @property
    def exit_code(self) -> int:
        """Give the exit status that the look alone would have: 0, 1, or 3 for a device out of reach."""
        if self.state == "unreachable":
            return ExitCode.UNREACHABLE
        return ExitCode.OK if self.state in {"in-force", "replaced"} else ExitCode.FAILED


@dataclass(frozen=True)
class Ending:
    """A step whose effect ends soon by itself."""

    step: str
    target: str
    host: str
    at: datetime


@dataclass(frozen=True)
class RunStatus:
    """One run of which something is in force, is about to be taken back, has expired, or cannot be told.

    >>> import stopgap
    >>> [run.run for run in stopgap.status(offline=True).runs if run.in_force]
    []
    """

    run: str
    history: History | None
    """None: the records cannot be read."""
    damage: tuple[str, ...] = ()
    """What shows that the records are not those that were written; no device was looked at on their word then."""
    in_force: tuple[ChangeStatus, ...] = ()
    going_back: tuple[ChangeStatus, ...] = ()
    """Changes that a device will take back by itself, unless access was confirmed."""
    expired: tuple[ChangeStatus, ...] = ()
    """Changes that have ended by themselves."""
    looks: Mapping[Place, DeviceLook] = field(default_factory=dict)
    """What the device of each step and target shows; empty where no device was looked at."""
    verdicts: tuple[Again, ...] = ()
    """How far each target is cut off now."""
    overdue: tuple[ChangeStatus, ...] = ()
    """Changes in force past the time that was asked for, which nothing but an undo ends."""
    endings: tuple[Ending, ...] = ()
    """What ends soon: by the device, or by the journal where no device has told."""

    @property
    def exit_code(self) -> int:
        """Give the exit status of this run: 3 a device is out of reach, 1 something is wrong or ends soon."""
        codes = {look.exit_code for look in self.looks.values()}
        if ExitCode.UNREACHABLE in codes:
            return ExitCode.UNREACHABLE
        wrong = ExitCode.FAILED in codes or bool(self.damage) or bool(self.overdue or self.endings)
        wrong = wrong or any(v.worse or v.unseen for v in self.verdicts)
        return ExitCode.FAILED if wrong else ExitCode.OK


@dataclass(frozen=True)
class Status:
    """What is in force over all runs, the latest run first.

    >>> import stopgap
    >>> status = stopgap.status(offline=True)
    >>> status.exit_code.value, status.damaged
    (0, False)
    """

    at: datetime
    offline: bool
    """By the journal alone; no device was looked at."""
    runs: tuple[RunStatus, ...]
    strays: tuple[Stray, ...]
    """Runs of which journal and folders say different things."""
    open_hosts: tuple[OpenHost, ...] = ()
    """Hosts whose block was lifted, with findings that nobody has shown to be gone."""
    returning: tuple[HostStands, ...] = ()
    """Hosts with a recovery that goes on, or that waits for `resume`."""
    undelivered: tuple[Undelivered, ...] = ()
    """Events that sinks did not take."""
    not_stored: tuple[NotStored, ...] = ()
    """Runs whose evidence waits for its store."""

    apart: str = ""
    """Why only what this machine did is listed: the team's journal is out of reach."""

    @property
    def damaged(self) -> bool:
        """The journal is damaged, or does not know all runs, so that more may be in force than is listed."""
        return bool(self.strays or self.apart) or any(run.damage for run in self.runs)

    @property
    def exit_code(self) -> int:
        """Give the exit status of `stopgap status`: 0, 1 where something is not as it should be, 3 out of reach."""
        codes = {run.exit_code for run in self.runs}
        if ExitCode.UNREACHABLE in codes or self.apart:
            return ExitCode.UNREACHABLE
        wrong = ExitCode.FAILED in codes or bool(self.strays) or any(host.is_wrong for host in self.open_hosts)
        return ExitCode.FAILED if wrong else ExitCode.OK


def each_run(
    journal: Journal, *, offline: bool, on_read: Callable[[str, Gist, History | None], object] = lambda *_: None
) -> Iterator[RunStatus]:
    """Give every run that has something to tell, the latest first; devices are looked at as each is asked for.

    `on_read` is called with the gist of each readable run, and with the history of a run that is damaged or of which
    something may be in force.

    A damaged journal may name any host, and any command for a secret: no device is looked at on its word.
    """
    latest: dict[tuple[str, str], str] = {}
    prolonged: set[Place] = set()
    asked_again: set[tuple[str, str, str]] = set()
    known = journal.looks()
    for run in journal.runs(known):
        if remembered := quiet_gist(known.get(run.id)):
            on_read(run.id, remembered, None)
            asked_again |= set(remembered.unchanged)
            continue
        try:
            history = journal.history(run.id, gist_json)
        except DamagedRunError as error:
            yield RunStatus(error.run, None, error.problems)
            continue
        gist, damage = Gist.of(history), (*history.damage, *history.unsigned)
        on_read(run.id, gist, None if gist.quiet and not damage else history)
        later = asked_again.copy()
        asked_again |= set(gist.unchanged)
        expired = tuple(c for c in history.changes if c.expired and c.state == "done")
        back = _going_back(history)
        in_force = history.in_force()
        if not (damage or in_force or expired or back or history.state in {"running", "waiting"}):
            continue
        seen = [] if offline or damage or not in_force else _look(history, latest)
        looks = {(one.step, one.target): _device_look(one, history, latest) for one in seen}
        yield RunStatus(
            history.run,
            history,
            damage,
            in_force,
            back,
            expired,
            looks,
            tuple(_verdicts(history, looks.values())),
            tuple(change for change in in_force if _is_overdue(change, history, later)),
            () if damage else tuple(_endings(in_force, looks, prolonged)),
        )


def _is_overdue(change: ChangeStatus, history: History, asked_again: Collection[tuple[str, str, str]]) -> bool:
    """Tell whether the time of a change is over, and no later run (task, target, host) has asked for it again."""
    task = next((s.task for s in history.steps if (s.step, s.target) == (change.step, change.target)), "")
    over = change.due is not None and change.due <= history.as_of
    return over and (task, change.target, change.host) not in asked_again


def _device_look(seen: Seen, history: History, latest: dict[tuple[str, str], str]) -> DeviceLook:
    """Set a look beside those of later runs; `latest`: host and key of what was made → the last run that made it."""
    if seen.unreachable or seen.standing is None:
        return DeviceLook(seen)
    by = latest.setdefault((seen.host, seen.standing.key), history.run)
    left = seen.standing.left
    change = next(c for c in history.in_force() if (c.step, c.target) == (seen.step, seen.target))
    soon = left is not None and _ends_soon(left, change)
    return DeviceLook(seen, by if by != history.run else None, soon)


def _verdicts(history: History, looks: Collection[DeviceLook]) -> Iterator[Again]:
    """Judge each target anew; a target whose cut a later run has made again is judged there."""
    from stopgap.orchestrator.run.again import look_again  # noqa: PLC0415 - of a run with something in force

    current = [look.seen for look in looks if not look.replaced_by]
    replaced = {look.seen.target for look in looks} - {seen.target for seen in current}
    yield from (again for again in look_again(history, current) if again.target not in replaced)


def _look(history: History, replaced: Mapping[tuple[str, str], str]) -> list[Seen]:
    from stopgap.orchestrator.remote import ConnectAhead  # noqa: PLC0415 - costs nothing where nothing is in force
    from stopgap.orchestrator.run.connection_pool import ConnectionPool  # noqa: PLC0415
    from stopgap.orchestrator.run.consent import recall  # noqa: PLC0415
    from stopgap.orchestrator.run.device_state import look_at  # noqa: PLC0415

    recall(history.started.inventory_path, history.started.inventory_text)
    with ConnectAhead(history.hosts) as connect, ConnectionPool(history.hosts, connect) as pool:
        return list(look_at(history, pool, replaced))


def _endings(
    in_force: Collection[ChangeStatus], looks: Mapping[Place, DeviceLook], prolonged: set[Place]
) -> Iterator[Ending]:
    """Yield what ends soon; `prolonged`: hosts and targets for which a later run has something that ends."""
    now = datetime.now(UTC)
    by_later_runs = set(prolonged)
    prolonged |= {(change.host, change.target) for change in in_force if change.ends}
    told: set[Place] = set()
    for change in in_force:
        place = change.step, change.target
        if place in told or change.ends is None:
            continue
        look = looks.get(place)
        standing = look.seen.standing if look else None
        if look and standing and look.state in {"in-force", "changed"} and standing.left is not None:
            soon, at = look.ends_soon, now + standing.left
        elif (look and look.state in {"gone", "replaced"}) or (change.host, change.target) in by_later_runs:
            continue
        else:
            soon, at = _ends_soon(change.ends - now, change), change.ends
        if soon:
            told.add(place)
            yield Ending(change.step, change.target, change.host, at)


def _going_back(history: History) -> tuple[ChangeStatus, ...]:
    """Give the changes that a device has yet to take back by itself, or may be about to."""
    now = datetime.now(UTC)
    return tuple(change for change in history.changes if change.goes_back and change.goes_back > now)


def _ends_soon(left: timedelta, change: ChangeStatus) -> bool:
    whole = change.ends - change.made if change.ends and change.made else None
    return left < SOON or (whole is not None and left < whole * LAST)
