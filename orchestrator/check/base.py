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
    """None: it could not be seen."""
    seen: str
    """In words, for the operator; escaped where it is printed."""


class Check(BaseModel):
    """One observation of one subject from one vantage, repeated until the check holds or the timeout `patience` ends.

    For a vantage of several hosts, every host observes, and the check holds if the check holds for each host.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    vantage: CheckVantage
    patience: float = 5.0
    """Seconds in which it may become true: a daemon takes its time to leave a port."""
    steady: float = 0.0
    """Seconds for which it has to go on to hold; failing for no longer than `patience` is forgiven meanwhile."""
    every: float = 15.0
    """Seconds between two looks while it holds."""
    containment: bool = False
    """It counts towards the verdict `contained`."""
    one_sided: ClassVar[bool] = False
    """Where it does not hold, the verdict is `partly`, and its step stays as it ended; where it holds it proves
    nothing."""
    trusts_target: ClassVar[bool] = False
    """What it says rests on the target's own word; it is then marked so, and proves nothing alone."""

    @abstractmethod
    def describe(self) -> str:
        """Return the expected state, in one line."""

    @abstractmethod
    def reader(self) -> Reader[Any]:
        """Return the reader for the vantage."""

    @abstractmethod
    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Return the judgement of a fact. Pure."""
