"""The interface of a change: one act, able to describe, apply and undo itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stopgap.orchestrator.facts import Reader

DRIFTED = 76
"""Exit status of a script on a host in neither the state before nor the state after the change: drift, nothing was
touched.
"""

UNCERTAIN = 84
"""Exit status of a script unable to verify the host's state: the output lacked a line always present."""

REJECTED = 77
"""Exit status of an activation with a failed test: the daemon was not reloaded and never read the files."""


class Phase(IntEnum):
    """When a change is made among those of its step: the phases follow each other, in the do and in the undo."""

    CHANGE = 0
    ACTIVATE = 1
    """It makes a daemon take up what the changes before have written, and leaves nothing of its own."""


class Change(BaseModel):
    """One reversible act on one host. Pure data: recorded with its undo before execution.

    Scripts are POSIX sh, run as one item of a framed exchange. Do and undo are idempotent: a repeated do, or an undo
    without a do, leaves the host unchanged and succeeds.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    deadline: ClassVar[float] = 60.0
    """Timeout in seconds: a service may take its own stop timeout to end."""
    phase: ClassVar[Phase] = Phase.CHANGE
    repeatable: ClassVar[bool] = False
    """The undo leaves alone what was never made, so that whether the change was begun need not be known."""
    lasts: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which the host itself ends the effect; None: it stays until it is undone."""
    rollback_timer: Annotated[float, Field(gt=0)] | None = None
    """It may cut the operator off: the host takes it back after so many seconds, unless a fresh connection comes."""

    @model_validator(mode="after")
    def _can_be_rolled_back(self) -> Self:
        if self.rollback_timer is not None and not self.has_undo:
            raise ValueError("a rollback timer needs an undo")
        return self

    @property
    def has_undo(self) -> bool:
        """Whether the change can be taken back."""
        return True

    @property
    def only_reads(self) -> bool:
        """Whether nothing of the change stands once it is made, so that there is nothing to take back."""
        return False

    @property
    def is_opaque(self) -> bool:
        """Whether nobody can foresee what the change does."""
        return False

    @property
    def confirm_within(self) -> float | None:
        """Seconds after which the device itself takes the change back unless it is confirmed; None: it does not."""
        return None

    @abstractmethod
    def describe(self) -> str:
        """Return the effect of the change in one line."""

    @abstractmethod
    def preview(self) -> list[str]:
        """Return the exact commands or the unified diff, line by line."""

    @abstractmethod
    def describe_undo(self) -> str:
        """Return the effect of the undo in one line."""

    @abstractmethod
    def do_script(self) -> str:
        """Return the script of the change, with exit status DRIFTED on a host different from the plan."""

    @abstractmethod
    def undo_script(self, *, force: bool = False) -> str:
        """Return the script of the undo; without `force` the exit status is DRIFTED in place of an overwrite."""

    def afterwards_script(self) -> str:
        """Return the follow-up script, for a change in force on a host with confirmed access; may be empty."""
        return ""

    def named(self, name: str) -> Self:
        """Return the change with a name in its scripts: unique, and equal in every process of the run."""
        return self

    def predicted(self) -> Mapping[Reader[Any], Any]:
        """Return the facts as expected after the change, for later steps of the plan."""
        return {}
