"""The interface of a check: one observation of one subject from one vantage."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage


@dataclass(frozen=True)
class Judgement:
    """The result of one observation."""

    holds: bool | None
    """`None`: no observation was possible."""
    seen: str
    """The observation in words, for the operator; escaped at printing."""


class Check(BaseModel):
    """One observation of one subject from one vantage, repeated until the check holds or the timeout `patience` ends.

    For a vantage of several hosts, every host observes, and the check holds if the check holds for each host.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    vantage: CheckVantage
    patience: float = 5.0
    """Timeout in seconds for the check to hold: a daemon takes time to leave a port."""
    steady: float = 0.0
    """Seconds of continuous holding required; a failure no longer than `patience` is tolerated."""
    every: float = 15.0
    """Seconds between two attempts at a holding check."""
    lasting: bool = False
    """The check holds for as long as the step's changes are in force: the run looks again at its end, and `status` at
    each call.
    """
    again_after: float = 0.0
    """Least seconds between the step and the second look of a lasting check; the run waits for it."""
    containment: bool = False
    """The check counts towards the verdict `contained`."""
    one_sided: ClassVar[bool] = False
    """A failing check gives the verdict `partly` without a change of the step's outcome; a holding check proves
    nothing.
    """
    trusts_target: ClassVar[bool] = False
    """The observation rests on the target's own word: marked in reports, and no proof by itself."""

    @abstractmethod
    def describe(self) -> str:
        """Return the expected state, in one line."""

    @abstractmethod
    def reader(self) -> Reader[Any]:
        """Return the reader for the vantage."""

    @abstractmethod
    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Return the judgement of a fact. Pure."""
