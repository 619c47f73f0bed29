"""The person of a run at a site: nobody is at the keyboard, and answers come through the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.run.person import Answer, Waiting

HOLDS = 20.0
"""Seconds for which a run holds its locks while it waits for an answer."""
_PAUSE = 0.5
"""Seconds between two looks for an answer."""


class Patient:
    """Agrees to the plan, as the person did who ordered the run, and waits for `stopgap answer`."""

    def __init__(self, pause: Callable[[], None] = lambda: None) -> None:
        """`pause` is called again and again while nobody answers; it may end the process."""
        self._pause = pause

    def agrees(self, plan: Plan) -> bool | None:
        """Return True."""
        return True

    def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
        """Return None: a runner undoes nothing on its own."""
        return None

    def can_answer(self, question: Question) -> bool:
        """Return True."""
        return True

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        """Wait for an answer of somebody, until the time is over."""
        patience = time.monotonic() + HOLDS
        while waiting.heard() is None and not waiting.over():
            time.sleep(min(_PAUSE, HOLDS))
            if question.timeout is None and time.monotonic() >= patience:
                self._pause()
                patience = time.monotonic() + HOLDS
        return waiting.heard()
