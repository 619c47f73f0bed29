"""Records of a run: written to disk first, then passed to the observers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from stopgap.orchestrator.journal import Delivery, Entry, History, Journal, posting
from stopgap.orchestrator.journal.deliveries import deliveries
from stopgap.orchestrator.journal.records import Answered, AnyRecord, Asked, StepFinished, SteppedBack
from stopgap.orchestrator.journal.site_records import RunPaused
from stopgap.orchestrator.log import Log
from stopgap.orchestrator.plan import Plan, PlannedStep

if TYPE_CHECKING:
    from stopgap.orchestrator.run.evidence_stream import Progress


_LOG = Log("stopgap.orchestrator.run")
_PAUSED = ("asked", "run-paused", "answered", "step-finished", "stepped-back")
"""Kinds of records that an answer to a paused run hangs on."""


def _log(record: AnyRecord) -> None:
    """Log a record's kind, place and outcome; what a host sent, and what a letter says, stays in the journal."""
    host = str(getattr(record, "host", "") or getattr(record, "target", ""))
    log = _LOG.at(host).on(str(getattr(record, "step", "")))
    told = (f"{key} {value}" for key in ("outcome", "reason") if (value := getattr(record, key, None)))
    log.info("%s", ", ".join((record.kind, *told)))


class Observer(Protocol):
    """Watches a run. One thread calls at a time, and only for records already on disk."""

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Take the plan: the whole of a dry run, the start of a run."""

    def beginning(self, step: PlannedStep) -> None:
        """Take a step about to run, as planned at present."""

    def recorded(self, run: str, entry: Entry) -> None:
        """Take a record with its number and time, in journal order."""

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Take the progress of a collection, a few times a second at most."""


class Recorder:
    """Appends records of one run to the journal and passes the records to the observers."""

    def __init__(
        self,
        journal: Journal,
        run: str,
        observers: Sequence[Observer],
        numbers: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        """Create the recorder; for a resumed run, `numbers` counts the changes so far by step and target."""
        self.run = run
        self._numbers = dict(numbers or {})
        self._journal = journal
        self._observers = observers
        self._lock = threading.Lock()

    def __call__(self, *records: AnyRecord) -> None:
        """Append the records; return after the write to disk. Raises JournalError: no further act is allowed."""
        if not records:
            return
        with self._lock:
            for entry in self._journal.append(self.run, *records):
                _log(entry.record)
                for observer in self._observers:
                    observer.recorded(self.run, entry)

    def settle(self, *, urgent: bool = False) -> None:
        """Wait for a lost journal before an act is put on record, where that has to be: see `Journal.settle`."""
        self._journal.settle(urgent=urgent)

    def assure(self, *, urgent: bool = False) -> None:
        """See, immediately before an act, that no other process has taken the run over: see `Journal.assure`."""
        self._journal.assure(urgent=urgent)

    def of(self, run: str) -> Recorder:
        """Return a recorder for another run, under rollback, with the same observers."""
        other = Recorder(self._journal, run, self._observers)
        other._lock = self._lock
        return other

    def history(self) -> History:
        """Return the history of the run so far."""
        return self._journal.history(self.run)

    def deliveries(self, keys: Collection[str]) -> dict[str, Delivery]:
        """Return the delivery state of messages over all runs, by message key."""
        return deliveries(self._journal, keys)

    def posting(self, series: str, *, give_up: Callable[[], bool]) -> AbstractContextManager[bool]:
        """Hold the lock on sending messages of a series, for the length of the block."""
        return posting(self._journal, series, give_up=give_up)

    def answered(self, step: str, target: str, question: str) -> Entry | None:
        """Return the entry of the first answer, of any process, since the last asking of the question."""
        found: Entry | None = None
        for entry in self._journal.of_run(self.run, "asked", "answered"):
            record = entry.record
            if isinstance(record, Asked) and (record.step, record.target) == (step, target):
                found = None if record.question.text == question else found
            elif isinstance(record, Answered) and found is None:
                same = (record.step, record.target, record.question) == (step, target, question)
                found = entry if same else None
        return found

    def answered_while_paused(self, step: str, target: str, question: str) -> Entry | None:
        """Return the entry of the answer to a question that was open when the run was paused; None without one.

        Such an answer counts once: a step that has ended, or that somebody has gone back to, asks anew.
        """
        wanted, open_, paused = (step, target, question), False, False
        found: Entry | None = None
        for entry in self._journal.of_run(self.run, *_PAUSED):
            match entry.record:
                case Asked() as record if (record.step, record.target, record.question.text) == wanted:
                    open_, paused, found = True, False, None
                case RunPaused():
                    paused = paused or open_
                case Answered() as record if (record.step, record.target, record.question) == wanted:
                    found = found or (entry if open_ else None)
                case StepFinished() as record if (record.step, record.target) == (step, target):
                    open_, paused, found = False, False, None
                case SteppedBack() as record if step in record.steps:
                    open_, paused, found = False, False, None
                case _:
                    pass
        return found if paused else None

    def announce(self, entry: Entry) -> None:
        """Pass an entry written by another process to the observers."""
        with self._lock:
            for observer in self._observers:
                observer.recorded(self.run, entry)

    def begin(self, step: PlannedStep) -> None:
        """Tell the observers of the next step."""
        with self._lock:
            for observer in self._observers:
                observer.beginning(step)

    def progress(self, step: PlannedStep, progress: Progress) -> None:
        """Tell the observers of the progress of a collection; nothing is written."""
        with self._lock:
            for observer in self._observers:
                observer.progressed(step, progress)

    def reserve(self, step: str, target: str, count: int) -> int:
        """Reserve `count` change numbers for a step on a target, unique within the run; return the first number."""
        with self._lock:
            first = self._numbers.get((step, target), 0)
            self._numbers[step, target] = first + count
            return first
