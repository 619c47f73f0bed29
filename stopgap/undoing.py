"""Take back what a run has changed."""

from __future__ import annotations

from pathlib import Path

from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.run.events import EventObserver, OnEvent
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Person, Unattended
from stopgap.orchestrator.run.runner import RunResult
from stopgap.orchestrator.run.undo_run import UndoRequested, UndoResult, undo_run

__all__ = ["UndoResult", "run_id", "undo"]


def undo(
    run: str | RunResult,
    *,
    step: str | None = None,
    force: bool = False,
    on_event: OnEvent | None = None,
    person: Person | None = None,
    sign_key: str | Path | None = None,
    anyway: bool = False,
    take_over: bool = False,
    interruption: Interruption | None = None,
) -> UndoResult:
    """Take back a run, or one step of a run, in reverse order; each undo is on disk before it is done.

    `run`: the run's id, `last`, or the result of `stopgap.run`. `step`: the id of one step. `force`: also where
    somebody has changed a file or a ruleset since; by default such a change is left, with the outcome `drifted`.
    `on_event`: is called with each event, a mapping as `undo --json` writes it, the last of them `undo-finished`.
    `person`: is asked before anything is contacted; by default nobody is, as with `--yes`. `sign_key`: path of an SSH
    private key that signs the journal. `anyway`: also where the run's journal is damaged. `take_over`: also where
    another machine holds the lock of a router or spare. `interruption`: `interruption.request()` stops the undo after
    what is under way.

    Returns what was tried, each with its outcome, and what is still in force; a host out of reach is no exception.
    Raises UnknownRunError, UsageError for a step that the run has not, RefusedError where the person or a lock says
    no, UntrustedRunError where the journal is damaged, JournalError.

    >>> import stopgap
    >>> stopgap.undo("20000101-0000-none")
    Traceback (most recent call last):
    ...
    stopgap.orchestrator.journal.failure.UnknownRunError: there is no run yet below ...
    """
    observers = [EventObserver(on_event)] if on_event else []
    wanted = UndoRequested(step, force, anyway, take_over, Path(sign_key) if sign_key else None)
    with Journal.open(state_home()) as journal:
        result = undo_run(
            journal,
            run_id(run),
            wanted,
            person or Unattended(),
            observers=observers,
            interruption=interruption,
        )
    for observer in observers:
        observer.undo_finished(result)
    if result.exit_code == ExitCode.REFUSED and result.refusal:
        raise RefusedError(result.refusal)
    return result


def run_id(run: str | RunResult) -> str:
    """Give the id that names a run; a result of a run that was not begun names none.

    >>> run_id("last")
    'last'
    """
    if isinstance(run, str):
        return run
    if run.run is None:
        raise RefusedError(f"no run was begun: {run.refusal or 'the plan was only looked at'}")
    return run.run
