"""The person at the keyboard, or the `--yes` in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.plan import Plan, PlannedStep
from orchestrator.task import Question


@dataclass(frozen=True)
class Answer:
    """What was said, and by whom (`user@machine`, or `--yes`)."""

    says: Literal["yes", "no"]
    by: str


class Person(Protocol):
    """Decides. `None` means that nobody is there to ask: the run is refused before anything is done."""

    def agrees(self, plan: Plan) -> bool | None:
        """Say whether to go ahead with a plan."""

    def answers(self, step: PlannedStep, question: Question) -> Answer | None:
        """Answer one question of one step."""
