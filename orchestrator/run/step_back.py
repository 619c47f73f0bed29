"""Going back to an earlier step of a run: possible as long as no step since has changed or undone anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.records import StepFinished, SteppedBack, step_of
from stopgap.orchestrator.outcome import DONE, Outcome
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import Step, parse_runbook
from stopgap.orchestrator.text import joined, tr


def step_back(journal: Journal, history: History, step: str, by: str) -> tuple[str, ...]:
    """Record that the steps from `step` on are to be done again; return the ids of the steps.

    Raises UsageError for a step unknown or not done, RefusedError for a running or a finished run, and where a step
    since has changed something that stands, or has undone an earlier run's change. JournalError.
    """
    steps = parse_runbook(history.started.runbook_text, history.started.runbook_path).steps
    ids = [each.id for each in steps]
    if step not in ids:
        raise UsageError(
            tr("run {run} has no step {step}; there are {known}", run=history.run, step=step, known=", ".join(ids))
        )
    done = {step_of(each.step) for each in history.steps if each.outcome in DONE}
    if step not in done:
        raise UsageError(
            tr("step {step} of run {run} is not done yet: stopgap resume {run}", step=step, run=history.run)
        )
    if history.state == "running":
        raise RefusedError(tr("run {run} is going on; stop it first with Ctrl-C", run=history.run))
    again = [each for each in steps[ids.index(step) :] if each.id in done]
    if hindrances := list(_hindrances(history, again)):
        raise RefusedError(tr("step {step} cannot be gone back to: {why}", step=step, why=joined("; ", hindrances)))
    keys = tuple(each.step for each in history.steps if step_of(each.step) in {one.id for one in again})
    journal.append(history.run, SteppedBack(steps=keys, by=by))
    return tuple(each.id for each in again)


def _hindrances(history: History, steps: Sequence[Step]) -> Iterator[str]:
    """Yield why the world does not allow to go back behind these steps."""
    standing = {step_of(change.step) for change in history.in_force()}
    changed = {
        step_of(entry.record.step)
        for entry in history.entries
        if isinstance(entry.record, StepFinished) and entry.record.outcome == Outcome.CHANGED
    }
    for each in steps:
        if each.id in standing:
            yield tr(
                "step {id} has something in force; take it back first: stopgap undo {run} --step {id}",
                id=each.id,
                run=history.run,
            )
        elif tasks()[each.task].lifts and each.id in changed:
            yield tr(
                "step {id} has undone what an earlier run had made, and no undo puts that back; to cut the host off "
                "again, repeat the earlier run",
                id=each.id,
            )
