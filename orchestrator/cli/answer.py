"""answer: a person's decision for a waiting run."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.terminal import discard_typed, show_question, worded
from stopgap.orchestrator.documents.run import questions_document
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.answering import AnsweredBeforeError, answer_question
from stopgap.orchestrator.journal.records import Answered, Asked
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.source import Unfit


@dataclass(frozen=True)
class AnswerOptions:
    """The options of `stopgap answer`."""

    run: str
    step: str | None = None
    """None: list the open questions."""
    value: str | None = None
    """None: ask at the terminal."""
    target: str | None = None
    json: bool = False


def answer(options: AnswerOptions) -> int:
    """Answer a step's question; without a step, list the open questions."""
    screen = screens.out()
    with Journal.open(state_home()) as journal:
        run = journal.resolve(options.run)
        history = journal.history(run)
        if history.state != "running":
            raise RefusedError(f"run {run} does not wait: it is {history.state}")
        waiting = [asked for asked in history.waiting if options.target in {None, asked.target}]
        if options.step is None:
            if options.json:
                print_document(questions_document(run, waiting))
            else:
                _list(screen, run, waiting)
            return 0
        mine = [asked for asked in waiting if asked.step == options.step]
        if not mine:
            others = ", ".join(dict.fromkeys(asked.step for asked in waiting))
            raise RefusedError(
                f"step {options.step} of run {run} asks nothing now{f'; {others} does' if others else ''}"
            )
        said = _said(mine[0]) if options.value is None else options.value
        try:
            answers = [(asked, asked.question.read(said)) for asked in mine]
        except Unfit as unfit:
            hint = f"; {unfit.hint}" if unfit.hint else ""
            raise UsageError(f"{unfit.message}; expected {unfit.expected}{hint}") from None
        given = [
            Answered(step=asked.step, target=asked.target, question=asked.question.text, answer=read, by=operator())
            for asked, read in answers
        ]
        for one in given:
            _record(journal, run, one)
        if options.json:
            print_document(questions_document(run, [asked for asked in waiting if asked not in mine], given))
            return 0
        for one in given:
            screen.line(f"{one.step} ({one.target}): {one.question} {one.answer}")
    return 0


def _record(journal: Journal, run: str, answer: Answered) -> None:
    try:
        answer_question(journal, run, answer)
    except AnsweredBeforeError as before:
        where = f"step {answer.step} of run {run}, {answer.target}"
        if before.first is None:
            raise RefusedError(f"{where}: the question was withdrawn; this answer was not recorded") from None
        raise RefusedError(
            f"{where}: {before.first.by} answered first, {before.first.answer}; this answer, {answer.answer}, "
            "came too late and decides nothing"
        ) from None


def _list(screen: screens.Screen, run: str, waiting: list[Asked]) -> None:
    if not waiting:
        screen.line(f"Run {run} asks nothing now.")
    for asked in waiting:
        text, reason = worded(asked.question)
        screen.line(f"{asked.step} ({asked.target}): {text} [{asked.question.expected}]")
        for line in reason.splitlines():
            screen.line(f"     {line}", "quiet")
        screen.line(f"     stopgap answer {run} {asked.step} {asked.question.argument}")


def _said(asked: Asked) -> str:
    discard_typed()
    show_question(screens.err(), asked.target, asked.question)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("no answer was given")
    return line
