"""Which steps of one target wait for which: steps of different hosts that do not need each other run side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from stopgap.orchestrator.host import CONTROLLER
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.deliver import sends_alone
from stopgap.orchestrator.runbook import Step
from stopgap.orchestrator.task import Task


class Point(Enum):
    """The point in an earlier step for which a later step waits."""

    MADE = "made"
    """Its changes are made; what proves them may still go on. A collection beside the others has begun."""
    ENDED = "ended"


Waits: TypeAlias = Mapping[str, Mapping[str, Point]]
"""By the id of a step: the earlier steps, by id, for which it waits, and how long."""


@dataclass(frozen=True)
class Place:
    """What a step is about, as far as the order of steps depends on it."""

    step: Step
    on: frozenset[str] = frozenset()
    """The names of the hosts it acts on."""
    about: frozenset[str] = frozenset()
    """The same, and the target, unless the step acts on the spare alone."""
    alone: bool = True
    """No other step runs meanwhile: it asks, watches for a time, hangs on results or the journal, acts on the
    controller, or its content is not known yet."""
    reads: bool = False
    """It collects, and changes nothing."""
    tells: bool = False
    """It has messages: what they tell of has come to its end."""
    sends: bool = False
    """It has messages to servers alone, a possible cause of delay."""

    @property
    def contains(self) -> bool:
        """True for a step that cuts the target off."""
        return tasks()[self.step.task].contains

    @property
    def goes_on(self) -> bool:
        """True if the following steps run whatever its outcome is."""
        return self.step.on_failure == "continue"


def place_of(step: Step, planned: Sequence[PlannedStep]) -> Place:
    """Return what a step is about, from its plan for one target: an item for each host and `foreach` item."""
    if not planned or step.uses_results or needs_first(step) or any(map(_is_open, planned)):
        return Place(step)
    tells = any(each.messages for each in planned)
    changes = any(each.changes for each in planned)
    return Place(
        step,
        frozenset(each.on.name for each in planned if each.on),
        frozenset().union(*map(_about, planned)),
        alone=any(map(_stands_alone, planned)),
        reads=tasks()[step.task].collects or (any(e.collections for e in planned) and not tells and not changes),
        tells=tells,
        sends=all(map(sends_alone, planned)),
    )


def waits(places: Sequence[Place]) -> Waits:
    """Return for which earlier steps each step waits; `places` in the order of the runbook.

    Steps of one host keep their order. No step begins before a step ahead of it that cuts the target off has made its
    changes, and no step that changes anything before a failure of an earlier step can no longer leave it out. A step
    on the spare alone, where visitors are sent by then, does not wait for the proof of the cut.
    """
    return {
        later.step.id: {
            earlier.step.id: point for earlier in places[:number] if (point := _point(earlier, later)) is not None
        }
        for number, later in enumerate(places)
    }


def needs_first(step: Step) -> bool:
    """Return True for a task that may need the success of a step of another task."""
    return type(tasks()[step.task]).needs_first is not Task.needs_first


def _is_open(step: PlannedStep) -> bool:
    return bool(step.questions or step.undo_requests or step.on_past)


def _stands_alone(step: PlannedStep) -> bool:
    here = step.on == CONTROLLER and bool(step.changes or step.checks)
    return here or any(check.steady for check in step.checks)


def _about(step: PlannedStep) -> frozenset[str]:
    if step.on is None or (step.on == CONTROLLER and not step.collections):
        return frozenset()
    apart = step.scene is not None and step.on == step.scene.spare and step.on not in step.scene.upstreams
    return frozenset({step.on.name} if apart else {step.on.name, step.target.name})


def _point(earlier: Place, later: Place) -> Point | None:
    if earlier.step.id in later.step.needs:
        return Point.ENDED
    if tasks()[earlier.step.task].beside:
        return Point.MADE  # it has begun by then, and ends after the other steps
    if earlier.sends:
        hangs_on_any = later.step.uses_results or needs_first(later.step)
        return Point.ENDED if hangs_on_any or not (later.contains or earlier.goes_on) else None
    if earlier.alone or later.alone or later.tells or tasks()[later.step.task].beside:
        return Point.ENDED
    once = earlier.step.retry.attempts == 1
    apart = earlier.about.isdisjoint(later.about)
    if earlier.step.on_failure == "undo":
        return Point.ENDED
    if not earlier.goes_on and not later.reads:
        return Point.MADE if earlier.contains and apart and once else Point.ENDED
    if earlier.reads and later.reads:
        # What the target tells of itself comes before what a look from elsewhere would leave in it.
        elsewhere = earlier.on.isdisjoint(later.on) and not (earlier.on & later.about)
        return None if earlier.goes_on and elsewhere else Point.ENDED
    if earlier.goes_on and apart:
        return Point.MADE if earlier.contains else None
    return Point.MADE if later.reads and not earlier.reads and once else Point.ENDED
