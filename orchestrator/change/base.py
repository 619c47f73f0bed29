"""What every change is: an act that knows how to describe, do and undo itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.facts import Reader

DRIFTED = 76
"""Exit status of a script that found neither the state before nor the state after its change: somebody else was
there, and nothing was touched."""

UNCERTAIN = 84
"""Exit status of a script that cannot tell whether the host is as it is meant to be: what it looked at did not show
what is always there."""

REJECTED = 77
"""Exit status of an activation whose test failed: the daemon was left alone and never saw the files."""


class Change(BaseModel):
    """One reversible act on one host. Pure data: it goes to disk, undo included, before it is made.

    Scripts are POSIX sh, run as one item of a framed exchange. Both are safe to repeat: doing what is done, or
    undoing what was never done, leaves the host as it is and succeeds.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    deadline: ClassVar[float] = 60.0
    """Seconds that it may take: stopping a service waits for its own time-outs."""

    @abstractmethod
    def describe(self) -> str:
        """Say in one line what it does."""

    @abstractmethod
    def preview(self) -> list[str]:
        """Give the exact commands or the unified diff, line by line."""

    @abstractmethod
    def describe_undo(self) -> str:
        """Say in one line what undoes it."""

    @abstractmethod
    def do_script(self) -> str:
        """Give the script that makes the change; it exits with DRIFTED where the host is not as planned."""

    @abstractmethod
    def undo_script(self, *, force: bool = False) -> str:
        """Give the script that takes the change back; without `force` it exits with DRIFTED rather than overwrite."""

    def afterwards_script(self) -> str:
        """Give what is done once the change stands and access to its host is confirmed; empty for nothing."""
        return ""

    def named(self, name: str) -> Self:
        """Give the same change with its own name in its scripts: unique, and the same in every process of the run."""
        return self

    def predicted(self) -> Mapping[Reader[Any], Any]:
        """Give the facts as they will be read once the change is made, for the steps planned after it."""
        return {}
