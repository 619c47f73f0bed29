"""Asking a person before the run goes on."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from orchestrator.host import Scene
from orchestrator.task import Facts, Parameters, Planned, Probe, Question, Task


class CheckpointParams(Parameters):
    """What is asked, and why."""

    ask: str = Field(min_length=1, description="The question, to be answered with yes or no.")
    reason: str = Field(min_length=1, description="Why a person has to decide it; shown with the question.")


class CheckpointFacts(Facts):
    """It reads nothing."""


class Checkpoint(Task[CheckpointParams, CheckpointFacts]):
    """Ask a person before the run goes on.

    `--yes` answers yes. Without a terminal and without `--yes` the run is refused.
    """

    name = "checkpoint"
    vantages = ("controller",)

    def probe(self, params: CheckpointParams, scene: Scene) -> Probe:
        """Nothing."""
        return {}

    def plan(self, params: CheckpointParams, facts: CheckpointFacts, scene: Scene) -> Iterator[Planned]:
        """Give the question."""
        yield Question(text=params.ask, reason=params.reason)
