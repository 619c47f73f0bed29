"""Making and taking back the changes of one step: one exchange, the journal written before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.change import (
    DRIFTED,
    REJECTED,
    Activate,
    AnyChange,
    AttributesChange,
    Change,
    DeviceChange,
    FreezeChange,
    PathChange,
    RunCommands,
    forget,
    lifeline_name,
)
from orchestrator.change import armed as schedule
from orchestrator.facts import Output
from orchestrator.host import Host
from orchestrator.journal.records import ChangeIntended, ChangeMade, UndoIntended, UndoMade
from orchestrator.plan import PlannedStep
from orchestrator.remote import Item
from orchestrator.run.claim import lost
from orchestrator.run.fleet import Fleet
from orchestrator.run.interruption import Interruption
from orchestrator.run.lifeline import Armed, confirm
from orchestrator.run.recorder import Recorder

Made = Literal["done", "failed", "drifted", "unknown", "not-run"]


@dataclass(frozen=True)
class Applied:
    """What came of a change, or of a step's changes: the worst of them decides, and says why."""

    outcome: Made
    reason: str = ""
    rejected: bool = False
    """An activation's test failed before its daemon was told anything."""


@dataclass(frozen=True)
class Recorded:
    """A change of the journal, with its place: step, target, index, and the host it was made on."""

    step: str
    target: str
    index: int
    host: Host
    change: Change


def apply_changes(
    step: PlannedStep, fleet: Fleet, record: Recorder, interruption: Interruption, *, deadline: float | None = None
) -> Applied:
    """Make the changes of a planned step on its host.

    Every intent with its undo is on disk before the host hears of any. The first failure ends the step; a step
    with an activation is then put back, so that no daemon is left with files that it refuses. `unknown`: the link
    was lost, and each change may or may not have been made. A change with a lifeline is confirmed over a fresh
    connection; `failed` where the host has taken it back. Raises OutOfReach.
    """
    changes = step.ordered()
    session = fleet.session(step.place)
    key, target, host = step.key, step.target.name, step.place.name
    first = record.reserve(key, target, len(changes))
    numbered = list(enumerate(changes, first))
    record(*(ChangeIntended(step=key, target=target, host=host, index=i, change=_known(c)) for i, c in numbered))
    armed = {i: Armed(key, target, i, s) for i, c in numbered if (s := getattr(c, "lifeline", None))}
    items = [Item(_do_script(c, armed.get(i), record.run), deadline or c.deadline) for i, c in numbered]
    guard = fleet.claims.guard(step.place)
    with interruption.cutting(session.close, gently=True):
        outputs = session.exchange([guard, *items] if guard else items, stop_on_failure=True)
    claim_lost = lost(step.place, outputs.pop(0)) if guard else ""
    made = [_made(output, session.trouble) for output in outputs]
    results = list(zip(numbered, made, strict=True))
    record(
        *(ChangeMade(step=key, target=target, index=i, outcome=m.outcome, reason=m.reason) for (i, _), m in results)
    )
    if claim_lost:
        return Applied("drifted", claim_lost)
    tried = [armed[i] for (i, _), m in results if i in armed and m.outcome != "not-run"]
    settled = confirm(tried, step.place, fleet, record, interruption)
    if gone := [s for s in settled if s.outcome != "confirmed"]:
        return Applied("unknown" if any(s.outcome == "unknown" for s in gone) else "failed", gone[0].reason)
    worst = next((m for m in made if m.outcome != "done"), Applied("done"))
    if worst.outcome in {"failed", "drifted"} and any(isinstance(c, Activate) for c in changes):
        put_back = [
            Recorded(key, target, i, step.place, change)
            for (i, change), m in zip(numbered, made, strict=True)
            if m.outcome != "not-run" and not m.rejected
        ]
        put_back.sort(key=lambda c: (isinstance(c.change, Activate), -c.index))
        problems = [u.reason for u in take_back(put_back, fleet, record, because="step-failed") if u.reason]
        tail = f"; putting it back failed: {'; '.join(problems)}" if problems else "; the step was put back"
        return Applied(worst.outcome, worst.reason + tail)
    return worst


def take_back(
    changes: Sequence[Recorded],
    fleet: Fleet,
    record: Recorder,
    *,
    because: Literal["operator", "step-failed", "run-failed"],
    force: bool = False,
) -> list[UndoMade]:
    """Take back changes of one step on one host, in this order.

    A change that drifted is left and said so; the others go on. Raises OutOfReach before anything is intended.
    """
    if not changes:
        return []
    known = [c for c in changes if has_undo(c.change)]
    session = fleet.session(changes[0].host)
    record(*(UndoIntended(step=c.step, target=c.target, index=c.index, because=because) for c in known))
    outputs = session.exchange([Item(_undo_script(c, record.run, force=force), c.change.deadline) for c in known])
    results = [
        UndoMade(step=c.step, target=c.target, index=c.index, outcome=_UNDONE[m.outcome], reason=m.reason)
        for c, m in zip(known, (_made(output, session.trouble) for output in outputs), strict=True)
    ]
    results += [
        UndoMade(step=c.step, target=c.target, index=c.index, outcome="no-undo", reason="nobody knows its undo")
        for c in changes
        if not has_undo(c.change)
    ]
    record(*results)
    return results


def _do_script(change: Change, lifeline: Armed | None, run: str) -> str:
    if lifeline is None:
        return change.do_script()
    name = lifeline_name(run, lifeline.step, lifeline.target, lifeline.index)
    return schedule(change, name, lifeline.seconds)


def _undo_script(recorded: Recorded, run: str, *, force: bool) -> str:
    """Give the undo; no lifeline may fire after it."""
    undo = recorded.change.undo_script(force=force)
    if not getattr(recorded.change, "lifeline", None):
        return undo
    return f"({forget(lifeline_name(run, recorded.step, recorded.target, recorded.index))})\n{undo}"


def has_undo(change: Change) -> bool:
    """Tell whether a change can be taken back."""
    return not (isinstance(change, RunCommands) and change.undo is None)


_UNDONE: dict[Made, Literal["undone", "failed", "drifted", "unknown", "no-undo"]] = {
    "done": "undone",
    "failed": "failed",
    "drifted": "drifted",
    "unknown": "unknown",
    "not-run": "unknown",
}


def _known(change: Change) -> AnyChange:
    if isinstance(change, PathChange | RunCommands | Activate | DeviceChange | AttributesChange | FreezeChange):
        return change
    raise TypeError(f"the journal knows no change of kind {change.__class__.__name__}")


def _made(output: Output, trouble: str | None) -> Applied:
    if not output.ran:
        return Applied("not-run")
    if output.status is None:
        return Applied("unknown", f"{trouble or 'it did not end in time'}; what it started may still run there")
    if output.status == 0:
        return Applied("done")
    if output.status == DRIFTED:
        return Applied("drifted", "it is not as it was when it was looked at; somebody else was there")
    said = output.stderr.last_line() or output.stdout.last_line() or "it said nothing"
    if output.status == REJECTED:
        return Applied("failed", f"the test failed: {said}", rejected=True)
    return Applied("failed", f"exit status {output.status}: {said}")
