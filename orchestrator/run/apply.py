"""Apply and roll back the changes of steps: one exchange, with journal records before and after the exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from stopgap.orchestrator.change import (
    DRIFTED,
    REJECTED,
    UNCERTAIN,
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    Phase,
    ProviderChange,
    RunCommands,
    forget,
    rollback_timer_name,
)
from stopgap.orchestrator.change import armed as schedule
from stopgap.orchestrator.device_script import RUN
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal.records import ChangeIntended, ChangeMade, UndoIntended, UndoMade
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.remote import Item
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.host_lock import lost
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.rollback_timer import Armed, confirm
from stopgap.orchestrator.text import joined, tr

_DRIFT = tr("it is not as it was when it was looked at; somebody else was there")
Made = Literal["done", "failed", "drifted", "unknown", "not-run"]


@dataclass(frozen=True)
class Applied:
    """The outcome of a change, or of all changes of a step: the worst outcome decides and gives the reason."""

    outcome: Made
    reason: str = ""
    """Of `done`: the output of the follow-up script."""
    rejected: bool = False
    """The test of an activation failed, before the daemon was reloaded."""


@dataclass(frozen=True)
class Recorded:
    """A change of the journal with the key of the record: step, target and index, and the changed host."""

    step: str
    target: str
    index: int
    host: Host
    change: AnyChange
    sure: bool = True
    """The change is known to be complete; otherwise the made part is unknown."""


@dataclass(frozen=True)
class _Numbered:
    """The changes of a step with their journal numbers, and the subset under a rollback timer."""

    step: PlannedStep
    changes: tuple[tuple[int, AnyChange], ...]
    armed: Mapping[int, Armed]

    def items(self, run: str, *, pause: bool) -> list[Item]:
        """Return the scripts of the changes; with `pause`, an interruption is checked before the first script."""
        seconds = self.step.step.timeout
        return [
            Item(self._script(i, c, run), seconds or c.deadline, pause=pause and place == 0)
            for place, (i, c) in enumerate(self.changes)
        ]

    def _script(self, index: int, change: AnyChange, run: str) -> str:
        """Return the script of a change under its name; a rollback timer is scheduled before the change."""
        match change:
            case DeviceChange():
                return change.do_script().replace(RUN, run)
            case ProviderChange():
                return change.do_script()
            case PathChange() | RunCommands() | Activate() | AttributesChange() | FreezeChange():
                name = rollback_timer_name(run, self.step.key, self.step.target.name, index)
                named = change.named(name)
                rollback_timer = self.armed.get(index)
                return schedule(named, name, rollback_timer.seconds) if rollback_timer else named.do_script()
            case _:
                assert_never(change)


def apply_changes(step: PlannedStep, pool: ConnectionPool, record: Recorder, interruption: Interruption) -> Applied:
    """Apply the changes of a planned step on the step's host; see `apply_steps`."""
    return apply_steps([step], pool, record, interruption)[0]


def apply_steps(
    steps: Sequence[PlannedStep], pool: ConnectionPool, record: Recorder, interruption: Interruption
) -> list[Applied]:
    """Apply the changes of consecutive steps on one host in one exchange; return the outcome of each step.

    Every intent is on disk with its undo before the host receives any script. The first failure ends the exchange:
    later steps are `not-run`, as are steps not begun at an interruption. A failed step with an activation is rolled
    back, so that no daemon keeps files rejected by the daemon's own test. `unknown` means a lost connection: each
    change may or may not be in force. A change with a rollback timer is confirmed over a fresh connection; the
    outcome is `failed` if the host has already rolled the change back.

    Raises OutOfReach if the host cannot be reached.
    """
    place = steps[0].place
    session = pool.session(place)
    numbered = [_numbered(step, record) for step in steps]
    record(
        *(
            ChangeIntended(step=n.step.key, target=n.step.target.name, host=place.name, index=i, change=c)
            for n in numbered
            for i, c in n.changes
        )
    )
    items = [item for count, n in enumerate(numbered) for item in n.items(record.run, pause=count > 0)]
    guard = pool.locks.guard(place)
    with interruption.cutting(session.halt), interruption.cutting(session.close, gently=True):
        outputs = session.exchange([guard, *items] if guard else items, stop_on_failure=True)
    claim_lost = lost(place, outputs.pop(0)) if guard else ""
    answers = iter([_made(output, session.trouble) for output in outputs])
    made = [[next(answers) for _ in n.changes] for n in numbered]
    record(
        *(
            ChangeMade(step=n.step.key, target=n.step.target.name, index=i, outcome=m.outcome, reason=m.reason)
            for n, results in zip(numbered, made, strict=True)
            for (i, _), m in zip(n.changes, results, strict=True)
        )
    )
    if claim_lost:
        return [Applied("drifted", claim_lost), *(Applied("not-run") for _ in steps[1:])]
    return [_concluded(n, results, pool, record, interruption) for n, results in zip(numbered, made, strict=True)]


def _numbered(step: PlannedStep, record: Recorder) -> _Numbered:
    changes, key, target = step.ordered(), step.key, step.target.name
    numbered = tuple(enumerate(changes, record.reserve(key, target, len(changes))))
    armed = {i: Armed(key, target, i, s) for i, c in numbered if (s := c.rollback_timer) is not None}
    return _Numbered(step, numbered, armed)


def _concluded(
    numbered: _Numbered,
    made: Sequence[Applied],
    pool: ConnectionPool,
    record: Recorder,
    interruption: Interruption,
) -> Applied:
    """Confirm changes under a rollback timer, roll back changes rejected by a daemon, return the step's outcome."""
    place, key, target = numbered.step.place, numbered.step.key, numbered.step.target.name
    results = list(zip(numbered.changes, made, strict=True))
    tried = [numbered.armed[i] for (i, _), m in results if i in numbered.armed and m.outcome != "not-run"]
    settled = confirm(tried, place, pool, record, interruption)
    if gone := [s for s in settled if s.outcome != "confirmed"]:
        return Applied("unknown" if any(s.outcome == "unknown" for s in gone) else "failed", gone[0].reason)
    worst = next((m for m in made if m.outcome != "done"), Applied("done"))
    if worst.outcome in {"failed", "drifted"} and any(c.phase is Phase.ACTIVATE for _, c in numbered.changes):
        put_back = [
            Recorded(key, target, i, place, change)
            for (i, change), m in results
            if m.outcome != "not-run" and not m.rejected
        ]
        put_back.sort(key=lambda c: (c.change.phase, -c.index))
        problems = [u.reason for u in take_back(put_back, pool, record, because="step-failed") if u.reason]
        tail = (
            tr("; putting it back failed: {problems}", problems=joined("; ", problems))
            if problems
            else tr("; the step was put back")
        )
        return Applied(worst.outcome, worst.reason + tail)
    if worst.outcome == "done" and any(change.afterwards_script() for _, change in numbered.changes):
        return Applied("done", _afterwards([change for _, change in numbered.changes], place, pool, interruption))
    return worst


def _afterwards(changes: Sequence[AnyChange], place: Host, pool: ConnectionPool, interruption: Interruption) -> str:
    """Run the follow-up scripts of applied changes and return their output; a failure here fails no step."""
    items = [Item(script, change.deadline) for change in changes if (script := change.afterwards_script())]
    try:
        session = pool.session(place)
        with interruption.cutting(session.halt), interruption.cutting(session.close, gently=True):
            outputs = session.exchange(items)
    except OutOfReach as error:
        return tr("it stands; what was to follow was not done: {error}", error=error)
    said = [
        output.stdout.last_line()
        if output.status == 0
        else tr(
            "it stands; what was to follow failed: {reason}",
            reason=_made(output, session.trouble).reason or tr("it was not begun"),
        )
        for output in outputs
    ]
    return joined("; ", (text for text in said if text))


def take_back(
    changes: Sequence[Recorded],
    pool: ConnectionPool,
    record: Recorder,
    *,
    because: Literal["operator", "step-failed", "run-failed"],
    force: bool = False,
) -> list[UndoMade]:
    """Roll back changes of one step on one host, in the given order; return the record of each undo.

    A drifted change is left in place and recorded as drifted; the rollback continues. A change without an expressible
    undo script is left and recorded too, as is every change on a host locked meanwhile by another run.

    Raises OutOfReach before any record is written.
    """
    if not changes:
        return []
    items: list[tuple[Recorded, Item]] = []
    results: list[UndoMade] = []
    for each in changes:
        try:
            if each.change.has_undo:
                items.append((each, Item(_undo_script(each, record.run, force=force), each.change.deadline)))
        except Exception as error:
            results.append(not_taken_back(each.step, each.target, each.index, error))
    host = changes[0].host
    session, guard = pool.session(host), pool.locks.guard(host)
    if guard and (claim_lost := lost(host, session.exchange([guard])[0])):
        results += [
            UndoMade(step=c.step, target=c.target, index=c.index, outcome="drifted", reason=claim_lost)
            for c, _ in items
        ]
        record(*results)
        return results
    record(*(UndoIntended(step=c.step, target=c.target, index=c.index, because=because) for c, _ in items))
    outputs = session.exchange([item for _, item in items])
    results += [
        UndoMade(step=c.step, target=c.target, index=c.index, outcome=_UNDONE[m.outcome], reason=m.reason)
        for (c, _), m in zip(items, (_made(output, session.trouble) for output in outputs), strict=True)
    ]
    results += [
        UndoMade(step=c.step, target=c.target, index=c.index, outcome="no-undo", reason=tr("nobody knows its undo"))
        for c in changes
        if not c.change.has_undo
    ]
    record(*results)
    return results


def not_taken_back(step: str, target: str, index: int, error: Exception) -> UndoMade:
    """Return the record of a change with an undo ended by an internal error of Stopgap."""
    reason = tr("an error of Stopgap's own: {name}: {error}", name=error.__class__.__name__, error=error)
    return UndoMade(step=step, target=target, index=index, outcome="failed", reason=reason)


def _undo_script(recorded: Recorded, run: str, *, force: bool) -> str:
    """Return the undo script; the script cancels the rollback timer before the undo."""
    match change := recorded.change:
        case DeviceChange():
            return change.undo_script(force=force, sure=recorded.sure).replace(RUN, run)
        case ProviderChange():
            return change.undo_script(force=force, sure=recorded.sure)
        case PathChange() | RunCommands() | Activate() | AttributesChange() | FreezeChange():
            name = rollback_timer_name(run, recorded.step, recorded.target, recorded.index)
            undo = change.named(name).undo_script(force=force)
            return f"({forget(name)})\n{undo}" if change.rollback_timer is not None else undo
        case _:
            assert_never(change)


_UNDONE: dict[Made, Literal["undone", "failed", "drifted", "unknown", "no-undo"]] = {
    "done": "undone",
    "failed": "failed",
    "drifted": "drifted",
    "unknown": "unknown",
    "not-run": "unknown",
}


def _made(output: Output, trouble: str | None) -> Applied:
    if not output.ran:
        return Applied("not-run")
    if output.status is None:
        return Applied(
            "unknown",
            tr("{trouble}; what it started may still run there", trouble=trouble or tr("it did not end in time")),
        )
    if output.status == 0:
        return Applied("done")
    if output.status == DRIFTED:
        why = output.stderr.last_line()
        return Applied("drifted", tr("{drift}: {why}", drift=_DRIFT, why=why) if why else _DRIFT)
    said = output.stderr.last_line() or output.stdout.last_line() or tr("it said nothing")
    if output.status == REJECTED:
        return Applied("failed", tr("the test failed: {said}", said=said), rejected=True)
    if output.status == UNCERTAIN:
        return Applied("unknown", said)
    return Applied("failed", tr("exit status {status}: {said}", status=output.status, said=said))
