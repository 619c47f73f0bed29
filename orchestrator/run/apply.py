"""Apply and roll back the changes of steps: one exchange, with journal records before and after the exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import assert_never

from stopgap.orchestrator.change import (
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    Phase,
    ProviderChange,
    RunCommands,
    rollback_timer_name,
)
from stopgap.orchestrator.change import armed as schedule
from stopgap.orchestrator.device_script import RUN
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.journal.records import (
    ChangeIntended,
    ChangeMade,
    RollbackTimerSettled,
)
from stopgap.orchestrator.plan import OutOfReach, PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.remote import Item, Session
from stopgap.orchestrator.run.applied import Applied, outcome_of
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.host_lock import lost
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.rollback_timer import Armed, confirm
from stopgap.orchestrator.run.take_back import Recorded, take_back
from stopgap.orchestrator.text import joined, tr


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
    applied = _applied(steps, pool, record, interruption, stop_on_failure=True)
    return [
        follow_up([step], pool, interruption)[0] if follows(step, one) else one
        for step, one in zip(steps, applied, strict=True)
    ]


def apply_apart(
    steps: Sequence[PlannedStep], pool: ConnectionPool, record: Recorder, interruption: Interruption
) -> list[Applied]:
    """Apply steps of several targets on one host in one exchange; a failure of one step ends no other.

    Each step has a single change. As `apply_steps`, without the follow-up scripts.
    """
    return _applied(steps, pool, record, interruption, stop_on_failure=False)


def _applied(
    steps: Sequence[PlannedStep],
    pool: ConnectionPool,
    record: Recorder,
    interruption: Interruption,
    *,
    stop_on_failure: bool,
) -> list[Applied]:
    place = steps[0].place
    session = pool.session(place)
    numbered = [_numbered(step, record) for step in steps]
    urgent = any(tasks()[step.step.task].contains for step in steps)
    record.settle(urgent=urgent)
    record(
        *(
            ChangeIntended(step=n.step.key, target=n.step.target.name, host=place.name, index=i, change=c)
            for n in numbered
            for i, c in n.changes
        )
    )
    items = [item for count, n in enumerate(numbered) for item in n.items(record.run, pause=count > 0)]
    guard = pool.locks.guard(place)
    record.assure(urgent=urgent)
    with interruption.cutting(session.halt), interruption.cutting(session.close, gently=True):
        outputs = session.exchange([guard, *items] if guard else items, stop_on_failure=stop_on_failure)
    claim_lost = lost(place, outputs.pop(0)) if guard else ""
    answers = iter([outcome_of(output, session.trouble) for output in outputs])
    made = [[next(answers) for _ in n.changes] for n in numbered]
    record(
        *(
            ChangeMade(step=n.step.key, target=n.step.target.name, index=i, outcome=m.outcome, reason=m.reason)
            for n, results in zip(numbered, made, strict=True)
            for (i, _), m in zip(n.changes, results, strict=True)
        )
    )
    if claim_lost:
        rest = Applied("not-run") if stop_on_failure else Applied("drifted", claim_lost)
        return [Applied("drifted", claim_lost), *(rest for _ in steps[1:])]
    tried = [
        n.armed[i]
        for n, results in zip(numbered, made, strict=True)
        for (i, _), m in zip(n.changes, results, strict=True)
        if i in n.armed and m.outcome != "not-run"
    ]
    settled = confirm(tried, place, pool, record, interruption)
    return [_concluded(n, results, settled, pool, record) for n, results in zip(numbered, made, strict=True)]


def _numbered(step: PlannedStep, record: Recorder) -> _Numbered:
    changes, key, target = step.ordered(), step.key, step.target.name
    numbered = tuple(enumerate(changes, record.reserve(key, target, len(changes))))
    armed = {i: Armed(key, target, i, s) for i, c in numbered if (s := c.rollback_timer) is not None}
    return _Numbered(step, numbered, armed)


def _concluded(
    numbered: _Numbered,
    made: Sequence[Applied],
    settled: Sequence[RollbackTimerSettled],
    pool: ConnectionPool,
    record: Recorder,
) -> Applied:
    """Roll back changes rejected by a daemon, and return the step's outcome; `settled` are the rollback timers."""
    place, key, target = numbered.step.place, numbered.step.key, numbered.step.target.name
    results = list(zip(numbered.changes, made, strict=True))
    mine = [s for s in settled if (s.step, s.target) == (key, target)]
    if gone := [s for s in mine if s.outcome != "confirmed"]:
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
    return worst


def follows(step: PlannedStep, applied: Applied) -> bool:
    """Return True if the changes are made, and follow-up scripts are to be run."""
    return applied.outcome == "done" and any(change.afterwards_script() for change in step.ordered())


def follow_up(steps: Sequence[PlannedStep], pool: ConnectionPool, interruption: Interruption) -> list[Applied]:
    """Run the follow-up scripts of steps on one host whose changes are made; a failure here fails no step."""
    items = [
        [Item(script, change.deadline) for change in step.ordered() if (script := change.afterwards_script())]
        for step in steps
    ]
    try:
        session = pool.session(steps[0].place)
        with interruption.cutting(session.halt), interruption.cutting(session.close, gently=True):
            outputs = iter(session.exchange([item for each in items for item in each]))
    except OutOfReach as error:
        return [Applied("done", tr("it stands; what was to follow was not done: {error}", error=error))] * len(steps)
    return [Applied("done", _said(list(islice(outputs, len(each))), session)) for each in items]


def _said(outputs: Sequence[Output], session: Session) -> str:
    """Return the last lines of follow-up scripts, or what they failed with."""
    said = [
        output.stdout.last_line()
        if output.status == 0
        else tr(
            "it stands; what was to follow failed: {reason}",
            reason=outcome_of(output, session.trouble).reason or tr("it was not begun"),
        )
        for output in outputs
    ]
    return joined("; ", (text for text in said if text))
