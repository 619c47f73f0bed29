"""The person at the keyboard, or `--yes` as substitute."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stopgap.orchestrator.question import Question

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import ChangeStatus, History
    from stopgap.orchestrator.plan import Plan, PlannedStep


@dataclass(frozen=True)
class Answer:
    """The answer, as parsed by `Question.read`, and its author (`user@machine`, or `--yes`)."""

    says: str
    by: str


@dataclass(frozen=True)
class Waiting:
    """Callbacks to poll during an open question; each may be called many times."""

    heard: Callable[[], Answer | None]
    """Returns an answer given at another terminal."""
    over: Callable[[], bool]
    """The time is over, or the run is told to stop."""


class Person(Protocol):
    """Decides. `None` in place of a person means an unattended run: the run is refused before any change.

    >>> from stopgap.orchestrator.plan import Plan
    >>> class Asks(Unattended):
    ...     def agrees(self, plan):
    ...         return len(plan.hosts) < 3  # or ask somebody: True, False, or None where nobody is there
    >>> Asks().agrees(Plan())
    True
    """

    def agrees(self, plan: Plan) -> bool | None:
        """Return True for consent to a plan, False for a refusal, `None` if nobody can be asked."""

    def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
        """Say whether to take these changes of a run back, in this order."""

    def can_answer(self, question: Question) -> bool:
        """Return True if a person can answer the question."""

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        """Return the answer to one question of one step; `None` without an answer, or without an answer in time."""


class Unattended:
    """Asks nobody (`--yes`): a plan has consent, and a question takes the default, if there is a default."""

    def agrees(self, plan: Plan) -> bool | None:
        """Return True."""
        return True

    def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
        """Agree."""
        return True

    def can_answer(self, question: Question) -> bool:
        """Return True if the question has a default."""
        return question.by_itself() is not None

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        """Return the default."""
        said = question.by_itself()
        return None if said is None else Answer(question.read(said), "--yes")


def operator() -> str:
    """Return the acting account: `user@machine`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
