"""Ask a person at this terminal or, through the journal, at another terminal; the first answer in time counts."""

from __future__ import annotations

import time

from stopgap.orchestrator.journal import Entry
from stopgap.orchestrator.journal.records import Answered, Asked
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Answer, Person, Waiting
from stopgap.orchestrator.run.recorder import Recorder

TIME_OUT = "time-out"
"""The author of a default answer after the timeout."""


def ask(
    step: PlannedStep, question: Question, person: Person, record: Recorder, interruption: Interruption
) -> Answer | None:
    """Ask the question and return the recorded answer, or `None` without an answer: the step is then refused."""
    if earlier := record.answered_while_paused(step.key, step.target.name, question.text):
        return _answer(earlier)
    place = {"step": step.key, "target": step.target.name}
    record(Asked(**place, question=question, number=step.number, count=step.count))
    ends = None if question.timeout is None else time.monotonic() + question.timeout

    def first_recorded() -> Entry | None:
        return record.answered(step.key, step.target.name, question.text)

    def heard() -> Answer | None:
        return _answer(first_recorded())

    def over() -> bool:
        return interruption.requested.is_set() or (ends is not None and time.monotonic() >= ends)

    answer = person.answers(step, question, Waiting(heard, over))
    if answer is None and not interruption.requested.is_set() and question.default is not None and over():
        answer = Answer(question.read(question.default), TIME_OUT)
    if elsewhere := first_recorded():
        record.announce(elsewhere)
        return _answer(elsewhere)
    if answer is None:
        return None
    record(Answered(**place, question=question.text, answer=answer.says, by=answer.by))
    first = first_recorded()
    if first is not None and _answer(first) != answer:
        record.announce(first)
    return _answer(first)


def _answer(found: Entry | None) -> Answer | None:
    record = found.record if found else None
    return Answer(record.answer, record.by) if isinstance(record, Answered) else None
