"""The person at the keyboard, or the `--yes` in their place."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.question import Question


@dataclass(frozen=True)
class Answer:
    """What was said, as `Question.read` gives it, and by whom (`user@machine`, or `--yes`)."""

    says: str
    by: str


@dataclass(frozen=True)
class Waiting:
    """What to look at while a question waits; both may be called again and again."""

    heard: Callable[[], Answer | None]
    """Gives the answer that somebody gave at another terminal."""
    over: Callable[[], bool]
    """The time is over, or the run is told to stop."""


class Person(Protocol):
    """Decides. `None` means that nobody is there to ask: the run is refused before anything is done."""

    def agrees(self, plan: Plan) -> bool | None:
        """Say whether to go ahead with a plan."""

    def can_answer(self, question: Question) -> bool:
        """Tell whether somebody will be there for it."""

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        """Answer one question of one step; None where nobody does, in time or at all."""


class Unattended:
    """Nobody is asked: a plan is agreed to, and a question takes its default, if it has one (`--yes`)."""

    def agrees(self, plan: Plan) -> bool | None:
        """Agree."""
        return True

    def can_answer(self, question: Question) -> bool:
        """Tell whether the question has a default."""
        return question.by_itself() is not None

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        """Give the default."""
        said = question.by_itself()
        return None if said is None else Answer(question.read(said), "--yes")


def operator() -> str:
    """Name the account that acts: `user@machine`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
