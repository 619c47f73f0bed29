"""Contain a broken-into server, from Python: load a runbook and an inventory, plan, run, undo.

The command line (`stopgap`) and the fabric tasks (`fab`) are thin over these names; nothing else is public.

>>> import stopgap
>>> runbook = stopgap.load_runbook("contain")
>>> runbook.steps[2].task
'traffic.block'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopgap.loading import load_inventory, load_runbook
    from stopgap.orchestrator.errors import DriftedError, Error, RefusedError, UnreachableError, UsageError
    from stopgap.orchestrator.host import Host
    from stopgap.orchestrator.inventory import Inventory
    from stopgap.orchestrator.journal.failure import (
        DamagedRunError,
        JournalError,
        RunHeldError,
        UnknownRunError,
        UntrustedRunError,
    )
    from stopgap.orchestrator.journal.history import History
    from stopgap.orchestrator.journal.listing import RunSummary
    from stopgap.orchestrator.run.interruption import Interruption
    from stopgap.orchestrator.run.person import Person
    from stopgap.orchestrator.run.status import RunStatus, Status
    from stopgap.orchestrator.run.undo_run import UndoResult
    from stopgap.orchestrator.runbook import Runbook
    from stopgap.orchestrator.source import InvalidInput
    from stopgap.reading import Verification, history, runs, status, verify
    from stopgap.running import Planned, RunResult, plan, resume, run
    from stopgap.undoing import undo

_ENGINE = "stopgap.orchestrator"
_HOME = {
    "DamagedRunError": f"{_ENGINE}.journal.failure",
    "DriftedError": f"{_ENGINE}.errors",
    "Error": f"{_ENGINE}.errors",
    "History": f"{_ENGINE}.journal.history",
    "Host": f"{_ENGINE}.host",
    "Interruption": f"{_ENGINE}.run.interruption",
    "InvalidInput": f"{_ENGINE}.source",
    "Inventory": f"{_ENGINE}.inventory",
    "JournalError": f"{_ENGINE}.journal.failure",
    "Person": f"{_ENGINE}.run.person",
    "Planned": "stopgap.running",
    "RefusedError": f"{_ENGINE}.errors",
    "RunHeldError": f"{_ENGINE}.journal.failure",
    "RunResult": "stopgap.running",
    "RunStatus": f"{_ENGINE}.run.status",
    "RunSummary": f"{_ENGINE}.journal.listing",
    "Runbook": f"{_ENGINE}.runbook",
    "Status": f"{_ENGINE}.run.status",
    "UndoResult": f"{_ENGINE}.run.undo_run",
    "UnknownRunError": f"{_ENGINE}.journal.failure",
    "UnreachableError": f"{_ENGINE}.errors",
    "UntrustedRunError": f"{_ENGINE}.journal.failure",
    "UsageError": f"{_ENGINE}.errors",
    "Verification": "stopgap.reading",
    "history": "stopgap.reading",
    "load_inventory": "stopgap.loading",
    "load_runbook": "stopgap.loading",
    "plan": "stopgap.running",
    "resume": "stopgap.running",
    "run": "stopgap.running",
    "runs": "stopgap.reading",
    "status": "stopgap.reading",
    "undo": "stopgap.undoing",
    "verify": "stopgap.reading",
}
"""The module of each public name. Names are imported on first use: `stopgap --help` needs no engine."""

__all__ = [
    "DamagedRunError",
    "DriftedError",
    "Error",
    "History",
    "Host",
    "Interruption",
    "InvalidInput",
    "Inventory",
    "JournalError",
    "Person",
    "Planned",
    "RefusedError",
    "RunHeldError",
    "RunResult",
    "RunStatus",
    "RunSummary",
    "Runbook",
    "Status",
    "UndoResult",
    "UnknownRunError",
    "UnreachableError",
    "UntrustedRunError",
    "UsageError",
    "Verification",
    "history",
    "load_inventory",
    "load_runbook",
    "plan",
    "resume",
    "run",
    "runs",
    "status",
    "undo",
    "verify",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
