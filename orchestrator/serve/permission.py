"""Who may do what on the page: one question, asked before anything is shown or recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from stopgap.orchestrator.journal.records import RunStarted

Action: TypeAlias = Literal["view", "answer", "approve"]


@dataclass(frozen=True)
class About:
    """The run in question; empty for what concerns no single run."""

    run: str = ""
    runbook: str = ""
    targets: tuple[str, ...] = ()
    started: Callable[[], RunStarted | None] = field(default=lambda: None, compare=False, repr=False)
    """Gives the record with which the run began, for who has to know more."""


class May(Protocol):
    """Decides whether a person may do something.

    >>> ReadOnly("kei", "answer", About())
    False
    """

    def __call__(self, person: str, action: Action, about: About, /) -> bool:
        """Return True if the person, by the name on record, may act on the run."""


@dataclass(frozen=True)
class Allowed:
    """Everybody who is let in may look, and do what `--allow` names."""

    actions: frozenset[Action] = frozenset()

    def __call__(self, person: str, action: Action, about: About, /) -> bool:
        """Return True for a look, and for each allowed action."""
        return action == "view" or action in self.actions


ReadOnly = Allowed()
