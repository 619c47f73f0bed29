"""Answers from another process: recorded only while the question is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.journal.chain import Entry
from stopgap.orchestrator.journal.records import Answered, Asked, RunFinished, StepFinished, StepStarted
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.source import Unfit
from stopgap.orchestrator.text import tr


class AnsweredBeforeError(Exception):
    """The question is not open any more. `first`: the answer that counts; None without an answer."""

    def __init__(self, first: Answered | None) -> None:
        self.first = first


def read_answers(questions: Sequence[Asked], typed: str, by: str) -> list[Answered]:
    """Return one typed line of the person `by` as the answer to each of the questions.

    Raises UsageError for a line that is no answer.
    """
    try:
        answers = [(asked, asked.question.read(typed)) for asked in questions]
    except Unfit as unfit:
        hint = f"; {unfit.hint}" if unfit.hint else ""
        raise UsageError(
            tr("{message}; expected {expected}{hint}", message=unfit.message, expected=unfit.expected, hint=hint)
        ) from None
    return [
        Answered(step=asked.step, target=asked.target, question=asked.question.text, answer=read, by=by)
        for asked, read in answers
    ]


def record_answers(journal: Journal, run: str, answers: Iterable[Answered]) -> None:
    """Record answers; raises RefusedError, with who was first, for a question that is not open any more."""
    for answer in answers:
        _record(journal, run, answer)


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


def _record(journal: Journal, run: str, answer: Answered) -> None:
    try:
        answer_question(journal, run, answer)
    except AnsweredBeforeError as before:
        where = tr("step {step} of run {run}, {target}", step=answer.step, run=run, target=answer.target)
        if before.first is None:
            raise RefusedError(
                tr("{where}: the question was withdrawn; this answer was not recorded", where=where)
            ) from None
        raise RefusedError(
            tr(
                "{where}: {by} answered first, {answer}; this answer, {answer2}, came too late and decides nothing",
                where=where,
                by=before.first.by,
                answer=before.first.answer,
                answer2=answer.answer,
            )
        ) from None
