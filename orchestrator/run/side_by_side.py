"""The steps of one target, side by side where `step_graph` allows, and in the order of the runbook otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.step import Ended
from stopgap.orchestrator.run.step_graph import Place, Point, place_of, waits
from stopgap.orchestrator.run.target_run import Ran, TargetRun
from stopgap.orchestrator.run.undo import take_back_all
from stopgap.orchestrator.runbook import Step

_POLL = 0.05
"""Seconds between two looks at whether a collection has begun."""
AT_ONCE = 32
"""Most steps of one target at a time, pending messages and collections beside the others included."""


@dataclass(frozen=True)
class _Made:
    """The changes of a running step are made, or its collection beside the others has begun."""

    id: str


@dataclass(frozen=True)
class _Over:
    """A running step has ended, or raised an error of the run."""

    id: str


@dataclass
class SideBySide:
    """Runs the steps of one target: each once the steps that it waits for have come far enough."""

    target_run: TargetRun
    _stopped: str = ""
    """The reason to skip the steps that have not begun; empty if the run continues."""
    _take_back: bool = False
    """The target's changes are taken back once no step is running."""
    _left: list[tuple[int, Step]] = field(default_factory=list)
    _running: dict[str, tuple[Step, Future[Ran]]] = field(default_factory=dict)
    _collecting: dict[str, tuple[Step, Future[Ran]]] = field(default_factory=dict)
    """Steps that collect beside the others, and end after them."""
    _made: set[str] = field(default_factory=set)
    _told: SimpleQueue[_Made | _Over] = field(default_factory=SimpleQueue)

    def steps(self) -> Iterator[tuple[PlannedStep, Ended]]:
        """Run all steps; yield each planned step with its end, as they end."""
        run = self.target_run
        places = {step.id: self._place(step) for step in run.order.runbook.steps}
        run.waits = waits(list(places.values()))
        self._left = list(enumerate(run.order.runbook.steps, 1))
        with ThreadPoolExecutor(AT_ONCE, "steps") as workers, self._no_collection_left():
            while True:
                yield from self._begin_what_may(places, workers)
                if not self._running and self._told.empty():
                    break
                match self._told.get():
                    case _Made(made):
                        self._made.add(made)
                    case _Over(over):
                        yield from self._end(*self._running.pop(over))
            run.context.background.steps_over(run.target.name)
            for step, running in self._collecting.values():
                yield from self._end(step, running)
            self._take_back_if_due()

    def _begin_what_may(
        self, places: dict[str, Place], workers: ThreadPoolExecutor
    ) -> Iterator[tuple[PlannedStep, Ended]]:
        """Begin each step that waits for nothing any more, those that cut the target off first.

        After an interruption, only what was done already in the batch of an earlier step has its end.
        """
        run = self.target_run
        if self._take_back and not all(places[key].sends for key in self._running):
            return
        self._take_back_if_due()
        for number, step in sorted(self._left, key=lambda each: not places[each[1].id].contains):
            if run.context.interruption.requested.is_set() and not _is_ahead(step, run):
                continue
            for key in self._collecting.keys() & set(step.needs):
                yield from self._end(*self._collecting.pop(key))
            if self._may_begin(step, collects=places[step.id].reads):
                self._left.remove((number, step))
                self._begin(step, number, workers)

    def _may_begin(self, step: Step, *, collects: bool) -> bool:
        """Return True if the step need not wait; it collects beside looks from its host if that has room for both."""
        run = self.target_run
        pending = {key: point for key, point in run.waits[step.id].items() if key not in run.results}
        if any(point is Point.ENDED or key not in self._made for key, point in pending.items()):
            return False
        looking = collects and not self._stopped and not pending.keys().isdisjoint(self._running)
        return not looking or all(map(run.context.pool.makes_room, self._hosts(step)))

    def _begin(self, step: Step, number: int, workers: ThreadPoolExecutor) -> None:
        run = self.target_run
        if tasks()[step.task].beside and not self._stopped:
            running = workers.submit(run.whole_step, step, number, "")
            self._collecting[step.id] = step, running
            self._wait_for_start(step, running)
            self._told.put(_Made(step.id))
            return
        running = workers.submit(run.whole_step, step, number, self._stopped, lambda: self._told.put(_Made(step.id)))
        self._running[step.id] = step, running
        running.add_done_callback(lambda _: self._told.put(_Over(step.id)))

    def _end(self, step: Step, running: Future[Ran]) -> list[tuple[PlannedStep, Ended]]:
        """Take a step's result, and note what its `on_failure` asks for."""
        ran = running.result()
        self.target_run.results[step.id] = ran.result
        if ran.stopped and not self._stopped and step.on_failure == "undo":
            self._take_back = True
        self._stopped = self._stopped or ran.stopped
        return ran.ended

    def _take_back_if_due(self) -> None:
        if self._take_back:
            self._take_back = False
            take_back_all(self.target_run.context, self.target_run.target.name)

    def _place(self, step: Step) -> Place:
        return place_of(step, self._planned(step))

    def _hosts(self, step: Step) -> list[Host]:
        return [each.place for each in self._planned(step) if each.on]

    def _planned(self, step: Step) -> list[PlannedStep]:
        run = self.target_run
        return [each for each in run.plan.steps if each.step.id == step.id and each.target.name == run.target.name]

    @contextmanager
    def _no_collection_left(self) -> Iterator[None]:
        """End the collections beside the steps if an error of the run ends the block."""
        try:
            yield
        except BaseException:
            self.target_run.context.background.stop(self.target_run.target.name)
            raise

    def _wait_for_start(self, step: Step, running: Future[Ran]) -> None:
        """Wait for the start of a collection beside, and then for its head; not for one that ended, nor after Ctrl-C.

        A step that was left open by the plan has no head.
        """
        context, target = self.target_run.context, self.target_run.target.name
        head = max((c.beside.head for s in self._planned(step) for c in s.collections if c.beside), default=0.0)
        begun, until = context.background.begun(step.id, target), float("inf")
        while head and time.monotonic() < until and not running.done():
            if context.interruption.requested.wait(_POLL):
                break
            if begun.is_set() and until == float("inf"):
                until = time.monotonic() + head


def _is_ahead(step: Step, run: TargetRun) -> bool:
    """Return True for a step that was done in the batch of an earlier step."""
    return any(key.partition("[")[0] == step.id for key in list(run.ahead))
