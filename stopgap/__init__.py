"""Contain a broken-into server, from Python: load a runbook and an inventory, plan, run, undo.

The command line (`stopgap`) and the fabric tasks (`fab`) are thin over these names; nothing else is public.

>>> import stopgap
>>> runbook = stopgap.load_runbook("contain")
>>> runbook.steps[1].task
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
    from stopgap.orchestrator.journal.failure import JournalError, UnknownRunError
    from stopgap.orchestrator.runbook import Runbook
    from stopgap.orchestrator.source import InvalidInput
    from stopgap.running import Planned, RunResult, plan, run

_ENGINE = "stopgap.orchestrator"
_HOME = {
    "DriftedError": f"{_ENGINE}.errors",
    "Error": f"{_ENGINE}.errors",
    "Host": f"{_ENGINE}.host",
    "InvalidInput": f"{_ENGINE}.source",
    "Inventory": f"{_ENGINE}.inventory",
    "JournalError": f"{_ENGINE}.journal.failure",
    "Planned": "stopgap.running",
    "RefusedError": f"{_ENGINE}.errors",
    "RunResult": "stopgap.running",
    "Runbook": f"{_ENGINE}.runbook",
    "UnknownRunError": f"{_ENGINE}.journal.failure",
    "UnreachableError": f"{_ENGINE}.errors",
    "UsageError": f"{_ENGINE}.errors",
    "load_inventory": "stopgap.loading",
    "load_runbook": "stopgap.loading",
    "plan": "stopgap.running",
    "run": "stopgap.running",
}
"""The module of each public name. Names are imported on first use: `stopgap --help` needs no engine."""

__all__ = [
    "DriftedError",
    "Error",
    "Host",
    "InvalidInput",
    "Inventory",
    "JournalError",
    "Planned",
    "RefusedError",
    "RunResult",
    "Runbook",
    "UnknownRunError",
    "UnreachableError",
    "UsageError",
    "load_inventory",
    "load_runbook",
    "plan",
    "run",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
