"""The second look of a run: checks of a lasting state, made again at the end of the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stopgap.orchestrator.journal.records import CheckJudged
from stopgap.orchestrator.outcome import DONE
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.prove import prove
from stopgap.orchestrator.run.step import Ended
from stopgap.orchestrator.text import tr

SOON = 5.0
"""Seconds after a step; a look sooner than that shows nothing new."""


def look_late(
    ended: Sequence[tuple[PlannedStep, Ended]], pool: ConnectionPool, interrupted: threading.Event
) -> Iterator[CheckJudged]:
    """Yield what the lasting checks of successful steps show now, each check no sooner than its `again_after`.

    After an interruption no look is made.
    """
    for step, end in ended:
        checks = [check for check in step.checks if check.lasting]
        if end.outcome not in DONE or not checks:
            continue
        wait = max(check.again_after for check in checks) - (time.monotonic() - end.at)
        if interrupted.wait(max(0.0, wait)):
            return
        if time.monotonic() - end.at >= SOON:
            once = tuple(check.model_copy(update={"patience": 0.0, "steady": 0.0}) for check in checks)
            yield from prove(replace(step, checks=once), pool, interrupted)


def broken(judged: Sequence[CheckJudged]) -> tuple[str, ...]:
    """Return what does not hold any more, a sentence for each check."""
    wrong = (check for check in judged if check.holds is False)
    return tuple(
        tr("{about}: {seen}, seen from {vantage}", about=check.about, seen=check.seen, vantage=check.vantage)
        for check in wrong
    )
