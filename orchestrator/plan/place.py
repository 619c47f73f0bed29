"""Where a step is done: the target, the host of the step, and the `foreach` item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.plan.model import PlannedStep
from stopgap.orchestrator.runbook import NO_ITEM, Step


@dataclass(frozen=True)
class Place:
    """A step on a target, with the host of the step and the `foreach` item."""

    key: str
    number: int
    step: Step
    target: Host
    scene: Scene
    item: Any = NO_ITEM


def blank_step(place: Place, count: int) -> PlannedStep:
    """Return the step at the given place, of `count` steps, without changes."""
    step, scene = place.step, place.scene
    return PlannedStep(
        place.key,
        place.number,
        step,
        place.target,
        scene.on,
        PlannedOutcome.SKIPPED,
        name=step.name,
        count=count,
        scene=scene,
    )
