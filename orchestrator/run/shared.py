"""Steps of several targets on one host: in one exchange, with one confirmation, as a single script would.

Whoever comes while an exchange with the host is under way waits, and shares the next exchange with all who wait.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass

from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.applied import Applied
from stopgap.orchestrator.run.apply import apply_apart, apply_steps, follow_up
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.recorder import Recorder

AT_ONCE = 32
"""Most steps in one exchange: a rollback timer of 60 s waits for the last of them."""


@dataclass
class _Waiting:
    step: PlannedStep
    applied: Applied | None = None
    error: BaseException | None = None


class Shared:
    """The exchanges of a run with hosts on which several targets' steps act."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_Waiting]] = defaultdict(list)
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def apply(self, step: PlannedStep, pool: ConnectionPool, record: Recorder, interruption: Interruption) -> Applied:
        """Apply the changes of a planned step; see `apply_steps`. Raises OutOfReach."""
        if not _shares(step):
            return apply_steps([step], pool, record, interruption)[0]
        mine, name = _Waiting(step), step.place.name
        with self._lock:
            self._waiting[name].append(mine)
            turn = self._turns[name]
        with turn:
            if mine.applied is None and mine.error is None:
                self._exchange(mine, pool, record, interruption)
        if mine.applied is None:
            raise mine.error or AssertionError("an exchange ends with a result or an error")
        return follow_up(step, mine.applied, pool, interruption)

    def _exchange(self, mine: _Waiting, pool: ConnectionPool, record: Recorder, interruption: Interruption) -> None:
        """Apply the step, and the steps of others who wait for the same host."""
        with self._lock:
            waiting = self._waiting[mine.step.place.name]
            others = [each for each in waiting if each is not mine][: AT_ONCE - 1]
            for each in (mine, *others):
                waiting.remove(each)
        together = [mine, *others]
        try:
            made = apply_apart([each.step for each in together], pool, record, interruption)
        except BaseException as error:
            for each in together:
                each.error = error
        else:
            for each, applied in zip(together, made, strict=True):
                each.applied = applied


def _shares(step: PlannedStep) -> bool:
    """Return True for a step that contains by a single change: it takes no time, and no other waits for its end."""
    return tasks()[step.step.task].contains and len(step.changes) == 1 and step.place.has_shell
