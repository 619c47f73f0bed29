"""The interface of a change: one act, able to describe, apply and undo itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.text import tr


class Phase(IntEnum):
    """The order of a step's changes by phase, in the do and in the undo."""

    CHANGE = 0
    ACTIVATE = 1
    """Activates the files of earlier changes in a daemon, and leaves no change of its own."""


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
    """The undo is safe for a change never made, so that no record of the change's beginning is needed."""
    lasts: Annotated[float, Field(gt=0)] | None = None
    """Seconds until the host itself ends the effect; `None`: in force until the undo."""
    due: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which the effect should be undone, where nothing ends it by itself: `status` then says so."""
    rollback_timer: Annotated[float, Field(gt=0)] | None = None
    """Timeout in seconds of the rollback timer, for a change able to cut off the operator; a fresh connection
    cancels.
    """

    @model_validator(mode="after")
    def _can_be_rolled_back(self) -> Self:
        if self.rollback_timer is not None and not self.has_undo:
            raise ValueError(tr("a rollback timer needs an undo"))
        return self

    @property
    def has_undo(self) -> bool:
        """True if the change has an undo."""
        return True

    @property
    def only_reads(self) -> bool:
        """True if the change only reads, so that there is nothing to undo."""
        return False

    @property
    def is_opaque(self) -> bool:
        """True if the effect of the change cannot be predicted."""
        return False

    @property
    def confirm_within(self) -> float | None:
        """Seconds until the device's own rollback without a confirmation; `None` without a rollback."""
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
