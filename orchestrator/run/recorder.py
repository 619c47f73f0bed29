"""Where what happens goes: to disk first, then to whoever watches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from stopgap.orchestrator.journal import Delivery, History, Journal, deliveries, posting
from stopgap.orchestrator.journal.records import Answered, AnyRecord, Asked
from stopgap.orchestrator.plan import Plan, PlannedStep

if TYPE_CHECKING:
    from stopgap.orchestrator.run.evidence_stream import Progress


class Observer(Protocol):
    """Watches a run; called by one thread at a time, and never for something that is not on disk yet."""

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Take the plan: all of a dry run, the beginning of a run."""

    def beginning(self, step: PlannedStep) -> None:
        """Take a step that is about to be run, as it is planned by now."""

    def recorded(self, run: str, record: AnyRecord) -> None:
        """Take one record, in the order of the journal."""

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Take how far a collection has come, some times a second at most."""


class Recorder:
    """Appends records of one run to the journal and passes them on to the observers."""

    def __init__(
        self,
        journal: Journal,
        run: str,
        observers: Sequence[Observer],
        numbers: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        """`numbers`: of a run that goes on, how many changes each step and target has had."""
        self.run = run
        self._numbers = dict(numbers or {})
        self._journal = journal
        self._observers = observers
        self._lock = threading.Lock()

    def __call__(self, *records: AnyRecord) -> None:
        """Return once the records are on disk. Raises JournalError; then nothing may be done any more."""
        if not records:
            return
        with self._lock:
            self._journal.append(self.run, *records)
            for record in records:
                for observer in self._observers:
                    observer.recorded(self.run, record)

    def of(self, run: str) -> Recorder:
        """Give one for another run, which is being taken back; the same observers watch."""
        other = Recorder(self._journal, run, self._observers)
        other._lock = self._lock
        return other

    def history(self) -> History:
        """Give what the run's records amount to by now."""
        return self._journal.history(self.run)

    def deliveries(self, keys: Collection[str]) -> dict[str, Delivery]:
        """Give what has become of messages, over all runs, by the message's key."""
        return deliveries(self._journal, keys)

    def posting(self, series: str, *, give_up: Callable[[], bool]) -> AbstractContextManager[bool]:
        """Be the one process that sends messages of a series, for the length of a block."""
        return posting(self._journal, series, give_up=give_up)

    def answered(self, step: str, target: str, question: str) -> Answered | None:
        """Give the first answer since the question was asked last, from whatever process."""
        found: Answered | None = None
        for entry in self._journal.of_run(self.run, "asked", "answered"):
            record = entry.record
            if isinstance(record, Asked) and (record.step, record.target) == (step, target):
                found = None if record.question.text == question else found
            elif isinstance(record, Answered) and found is None:
                same = (record.step, record.target, record.question) == (step, target, question)
                found = record if same else None
        return found

    def announce(self, record: AnyRecord) -> None:
        """Tell the observers of a record that another process has written."""
        with self._lock:
            for observer in self._observers:
                observer.recorded(self.run, record)

    def begin(self, step: PlannedStep) -> None:
        """Tell the observers which step comes."""
        with self._lock:
            for observer in self._observers:
                observer.beginning(step)

    def progress(self, step: PlannedStep, progress: Progress) -> None:
        """Tell the observers how far a collection has come; nothing is written."""
        with self._lock:
            for observer in self._observers:
                observer.progressed(step, progress)

    def reserve(self, step: str, target: str, count: int) -> int:
        """Give the first of `count` numbers for changes of a step on a target; no two changes of a run share one."""
        with self._lock:
            first = self._numbers.get((step, target), 0)
            self._numbers[step, target] = first + count
            return first
