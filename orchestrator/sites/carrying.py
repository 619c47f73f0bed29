"""Carrying a run on at a site, in a process of its own that ends with its runner."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from functools import partial

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.inventory import Inventory, load_inventory
from stopgap.orchestrator.journal import JournalError, open_journal
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.run.gate import gate_here
from stopgap.orchestrator.run.here import runner_here
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.resume_run import resume_run
from stopgap.orchestrator.sites.patience import Patient

LATER = 75
"""Exit status for a run that another process works on, or whose router is locked (EX_TEMPFAIL, sysexits.h)."""
_PR_SET_PDEATHSIG = 1


def carry_on(run: str, inventory: Inventory | None) -> int:
    """Carry a run on to its end; return its exit status, or LATER. Raises RunHeldError, JournalError.

    `inventory`: the site's own; the run's hosts are reached as it says, and a host that it lacks is refused. A run
    that has ended is left as it is, so that being asked twice harms nothing; one that a signal interrupted goes on.
    An act that cuts nothing off waits for a lost database: another runner may have taken the run over.
    """
    interruption = Interruption()
    signal.signal(signal.SIGTERM, lambda *_: interruption.request())
    with open_journal() as journal:
        finished = journal.history(journal.resolve(run)).finished
        if finished is not None and finished.exit_code != ExitCode.INTERRUPTED:
            return ExitCode.OK
    result = resume_run(
        run,
        lambda connect: runner_here(connect, Patient(), [], interruption=interruption, gate=gate_here(carrying=True)),
        inventory=inventory,
        opened=partial(open_journal, waits=lambda: not interruption.requested.is_set()),
    )
    if result.refusal:
        print(result.refusal, file=sys.stderr)  # noqa: T201 - the run's log
    return LATER if result.locked or result.exit_code == ExitCode.INTERRUPTED else result.exit_code


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
        return carry_on(run, load_inventory(inventories) if inventories else None)
    except JournalError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the run's log
        return LATER
    except Error as error:
        print(error, file=sys.stderr)  # noqa: T201 - the run's log
        return error.exit_code
