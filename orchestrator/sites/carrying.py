"""Carrying a run on at a site, in a process of its own that ends with its runner."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.inventory import Inventory, load_inventory
from stopgap.orchestrator.journal import JournalError, RunHeldError, open_journal
from stopgap.orchestrator.journal.records import RunFinished
from stopgap.orchestrator.journal.team.locks import LEASE
from stopgap.orchestrator.journal.team.records import FencedError
from stopgap.orchestrator.outcome import ExitCode, RunOutcome
from stopgap.orchestrator.run.gate import gate_here
from stopgap.orchestrator.run.here import runner_here
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.resume_run import resume_run
from stopgap.orchestrator.run.sinks import SinkEvents, tell_written
from stopgap.orchestrator.sites.patience import Patient
from stopgap.orchestrator.sites.pausing import WAITS, Pause, is_paused
from stopgap.orchestrator.sites.undoing import carry_undo

LATER = 75
"""Exit status for a run that another process works on, or whose router is locked (EX_TEMPFAIL, sysexits.h)."""
_LOOK = 1.0
"""Seconds between two attempts to take a run that another process holds."""
_PR_SET_PDEATHSIG = 1


def carry_on(run: str, inventory: Inventory | None) -> int:
    """Carry a run on to its end, or take it back where that was ordered; return its exit status, LATER or WAITS.

    `inventory`: the site's own; the run's hosts are reached as it says, and a host that it lacks is refused. A run
    that has ended is left as it is, so that being asked twice harms nothing; one that a signal interrupted goes on.
    One that does nothing but wait for answers is paused (`Pause`), which ends the process with WAITS.
    An act that cuts nothing off waits for a lost database: another runner may have taken the run over.

    Raises RefusedError, RunHeldError, JournalError.
    """
    with open_journal() as journal:
        if is_paused(journal, journal.resolve(run)):
            return WAITS
    with SinkEvents(_say) as sinks:
        return _carried_on(run, inventory, sinks)


def _carried_on(run: str, inventory: Inventory | None, sinks: SinkEvents) -> int:
    interruption = Interruption()
    signal.signal(signal.SIGTERM, lambda *_: interruption.request())
    opened = partial(open_journal, waits=lambda: not interruption.requested.is_set())
    gate = gate_here(carrying=True)
    with opened() as journal:
        history = journal.history(journal.resolve(run))
        if history.undo_ordered is not None:
            if history.undo_ended is not None:
                return ExitCode.OK
            result = carry_undo(journal, history.run, history.undo_ordered, gate, interruption, inventory, [sinks])
            return _said(result.refusal, result.exit_code, later=result.locked)
        if history.finished is not None and history.finished.exit_code != ExitCode.INTERRUPTED:
            return ExitCode.OK
    pause = Pause(history.run, opened)
    ended = resume_run(
        run,
        lambda connect: runner_here(connect, Patient(pause), [sinks], interruption=interruption, gate=gate),
        inventory=inventory,
        opened=pause.opened,
    )
    if ended.waits:
        return _said(ended.refusal, WAITS, later=False)
    if ended.refusal and not ended.locked and ended.exit_code == ExitCode.REFUSED:
        refuse(run)
    return _said(ended.refusal, ended.exit_code, later=ended.locked)


def _said(refusal: str, code: int, *, later: bool) -> int:
    if refusal:
        _say(refusal)
    return LATER if later or code == ExitCode.INTERRUPTED else code


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the run's log


def _once_free(act: Callable[[], int]) -> int:
    """Act, and again while another process holds the run, for as long as a dead one's lock can last."""
    give_up = time.monotonic() + LEASE.total_seconds() + 2 * _LOOK
    while True:
        try:
            return act()
        except RunHeldError as error:
            if isinstance(error, FencedError) or time.monotonic() > give_up:
                raise
        time.sleep(_LOOK)


def refuse(run: str) -> None:
    """Put on record that a run was refused, for whoever ordered it to see; the reason is in its log."""
    with open_journal() as journal, journal.hold(run):
        history = journal.history(run)
        if history.finished is None and history.undo_ordered is None:
            journal.append(run, RunFinished(outcome=RunOutcome.REFUSED, exit_code=ExitCode.REFUSED))
    tell_written(journal.home, journal.written, _say)


def end_with(parent: int) -> None:
    """Have the kernel end this process once its parent has ended (prctl(2)); end now if the parent is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(LATER)


def main(words: list[str]) -> int:
    """Carry on: PARENT RUN [INVENTORY…]; the entry of the process that a runner starts."""
    parent, run, *inventories = words
    end_with(int(parent))
    try:
        site = load_inventory(inventories) if inventories else None
        return _once_free(lambda: carry_on(run, site))
    except JournalError as error:
        _say(str(error))
        return LATER
    except Error as error:
        _say(str(error))
        refuse(run)
        return error.exit_code
