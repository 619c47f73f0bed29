"""Passes the events of a run to the operator's sinks, so that no sink can hold the run up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from stopgap.orchestrator.journal import Entry, state_home
from stopgap.orchestrator.sinks.delivery import Deliveries
from stopgap.orchestrator.sinks.loading import configured
from stopgap.orchestrator.source import InvalidInput

if TYPE_CHECKING:
    from stopgap.orchestrator.plan import Plan, PlannedStep
    from stopgap.orchestrator.run.evidence_stream import Progress


def tell_written(home: Path, written: Mapping[str, int], tell: Callable[[str], None]) -> None:
    """Let the sinks have records of runs that no process is at work on, from the numbered one on.

    `tell` gets a line for each sink that did not take them, and for each mistake in a file of sinks.
    """
    try:
        sinks = configured(home)
    except InvalidInput as error:
        for problem in error.problems:
            tell(problem.lines[0])
        return
    if sinks:
        with Deliveries(home, sinks, tell) as deliveries:
            for run, first in written.items():
                deliveries.recorded(run, first)


class SinkEvents:
    """Observes a run for all sinks; a context that ends the deliveries and tells what is left."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` gets a line for each sink to which not every event was delivered, and for each mistake in a file."""
        self._tell = tell
        self._stack = ExitStack()
        self._deliveries: Deliveries | None = None

    def __enter__(self) -> Self:
        home = state_home()
        try:
            sinks = configured(home)
        except InvalidInput as error:  # a run is not held up by a mistake in a file of sinks
            for problem in error.problems:
                self._tell(problem.lines[0])
            return self
        if sinks:
            self._deliveries = self._stack.enter_context(Deliveries(home, sinks, self._tell))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Tell nothing: the plan is on record once it was agreed to."""

    def beginning(self, step: PlannedStep) -> None:
        """Tell nothing: the beginning is on record."""

    def recorded(self, run: str, entry: Entry) -> None:
        """Let the sinks know that there is something new; they read the journal."""
        if self._deliveries:
            self._deliveries.recorded(run, entry.seq)

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Tell nothing: the end of a collection is on record."""
