"""Take back what a run has changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.run.events import EventObserver, OnEvent
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Person, Unattended
from stopgap.orchestrator.run.result import RunResult
from stopgap.orchestrator.run.sinks import SinkEvents
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
    on_undelivered: Callable[[str], None] | None = None,
) -> UndoResult:
    """Undo a run, or one step of a run, in reverse order; each undo is on disk before the undo is done.

    `run`: the run's id, `last`, or the result of `stopgap.run`. `step`: the id of one step. `force`: also undo a file
    or a ruleset changed by another person since the run; by default such a change stays, with the outcome `drifted`.
    `on_event`: called with each event, a mapping as in `undo --json`; the last event is `undo-finished`. `person`:
    asked before any contact; by default nobody is asked, as with `--yes`. `sign_key`: path of an SSH private key to
    sign the journal. `anyway`: also undo from a damaged journal. `take_over`: also use a router or spare locked by
    another machine. `interruption`: `interruption.request()` stops the undo after the current change.
    `on_undelivered`: called with a line for each sink that did not take every event; by default each is a warning.

    Returns the undo of each change with its outcome, and the changes still in force; an unreachable host is no
    exception. Raises UnknownRunError, UsageError for an unknown step, RefusedError after a refusal by the person or a
    lock, UntrustedRunError for a damaged journal, JournalError.

    >>> import stopgap
    >>> stopgap.undo("20000101-0000-none")
    Traceback (most recent call last):
    ...
    stopgap.orchestrator.journal.failure.UnknownRunError: there is no run yet below ...
    """
    observers = [EventObserver(on_event)] if on_event else []
    wanted = UndoRequested(step, force, anyway, take_over, Path(sign_key) if sign_key else None)
    with SinkEvents(on_undelivered or _warn) as sinks, open_journal() as journal:
        result = undo_run(
            journal,
            run_id(run),
            wanted,
            person or Unattended(),
            observers=[*observers, sinks],
            interruption=interruption,
        )
    for observer in observers:
        observer.undo_finished(result)
    if result.exit_code == ExitCode.REFUSED and result.refusal:
        raise RefusedError(result.refusal)
    return result


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)


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
