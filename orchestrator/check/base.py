"""The interface of a check: one look, from one eye, at one thing."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import CheckVantage


@dataclass(frozen=True)
class Judgement:
    """What one look showed."""

    holds: bool | None
    """None: it could not be seen."""
    seen: str
    """In words, for the operator; escaped where it is printed."""


class Check(BaseModel):
    """One look, from one eye, at one thing. It is repeated until it holds or `patience` is over.

    Where the eye stands for several hosts, all of them look, and the check holds when it holds for each.
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
        """Say what must be true, in one line."""

    @abstractmethod
    def reader(self) -> Reader[Any]:
        """Give what to read, at the eye."""

    @abstractmethod
    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Say whether what was read holds. Pure."""
