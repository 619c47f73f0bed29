"""Answers from another process: recorded only while the question is open."""

from __future__ import annotations

from collections.abc import Sequence

from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.records import Answered, Asked, RunFinished, StepFinished, StepStarted
from stopgap.orchestrator.journal.store import Journal


class AnsweredBeforeError(Exception):
    """The question is not open any more. `first`: the answer that counts; None without an answer."""

    def __init__(self, first: Answered | None) -> None:
        self.first = first


def answer_question(journal: Journal, run: str, answer: Answered) -> None:
    """Record the answer to an open question of a run.

    An answer to a question that another person answered meanwhile is recorded as late, and decides nothing; raises
    AnsweredBeforeError. So does an answer to a question that was withdrawn, which is not recorded.
    """

    def waits(entries: Sequence[Entry]) -> bool:
        return open_or_first(entries, answer) is None

    if journal.append_if(run, waits, answer):
        return
    entries = list(journal.of_run(run, *_KINDS))
    first = open_or_first(entries, answer)
    if isinstance(first, Answered):
        journal.append_if(run, lambda now: not _ended(now), answer)
    raise AnsweredBeforeError(first if isinstance(first, Answered) else None)


_KINDS = ("asked", "answered", "step-started", "step-finished", "run-finished")


def open_or_first(entries: Sequence[Entry], answer: Answered) -> Answered | StepFinished | None:
    """Return None for an open question; otherwise the answer given first, or the end of the step."""
    closed: Answered | StepFinished | None = None
    place = (answer.step, answer.target)
    for entry in entries:
        match entry.record:
            case Asked() as asked if (asked.step, asked.target) == place:
                closed = None if asked.question.text == answer.question else closed
            case Answered() as given if (given.step, given.target, given.question) == (*place, answer.question):
                closed = closed or given
            case StepFinished() as finished if (finished.step, finished.target) == place:
                closed = closed if isinstance(closed, Answered) else finished
            case _:
                pass
    return closed


def _ended(entries: Sequence[Entry]) -> bool:
    ended = False
    for entry in entries:
        if isinstance(entry.record, RunFinished | StepStarted):
            ended = isinstance(entry.record, RunFinished)
    return ended
