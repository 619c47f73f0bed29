"""answer: a person's decision for a waiting run."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.cli.terminal import discard_typed, show_question
from stopgap.orchestrator.cli.words import step_place, worded
from stopgap.orchestrator.documents.run import questions_document
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.journal.answering import read_answers, record_answers
from stopgap.orchestrator.journal.records import Asked
from stopgap.orchestrator.run.gate import authorized_answers
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import tr


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
    with open_journal() as journal:
        run = journal.resolve(options.run)
        history = journal.history(run)
        goes_on = history.state == "running"
        given_before = [a for a in history.answers if a.step == options.step and options.target in {None, a.target}]
        if not goes_on and not given_before:
            raise RefusedError(tr("run {run} does not wait: it is {state}", run=run, state=history.state))
        waiting = [asked for asked in history.waiting if goes_on and options.target in {None, asked.target}]
        if options.step is None:
            if options.json:
                print_document(questions_document(run, waiting))
            else:
                _list(screen, run, waiting)
            return 0
        mine = [asked for asked in waiting if asked.step == options.step]
        if not mine:
            others = ", ".join(dict.fromkeys(asked.step for asked in waiting))
            if given_before:
                raise RefusedError(
                    tr(
                        "step {step} of run {run} was answered by {by}: {answer}; this answer decides nothing",
                        step=options.step,
                        run=run,
                        by=given_before[-1].by,
                        answer=given_before[-1].answer,
                    )
                )
            raise RefusedError(
                tr(
                    "step {step} of run {run} asks nothing now{rest}",
                    step=options.step,
                    run=run,
                    rest=tr("; {others} does", others=others) if others else "",
                )
            )
        typed = _said(mine[0]) if options.value is None else options.value
        given = authorized_answers(journal, history, read_answers(mine, typed, operator()))
        record_answers(journal, run, given)
        if options.json:
            print_document(questions_document(run, [asked for asked in waiting if asked not in mine], given))
            return 0
        for one in given:
            screen.line(f"{one.step} ({one.target}): {said(one.question)} {one.answer}")
    return 0


def _list(screen: screens.Screen, run: str, waiting: list[Asked]) -> None:
    if not waiting:
        screen.line(tr("Run {run} asks nothing now.", run=run))
    for asked in waiting:
        text, reason = worded(asked.question)
        if asked.count:
            screen.line(step_place(asked.target, asked.number, asked.count), "quiet")
        screen.line(
            tr(
                "{step} ({target}): {question} [{expected}]",
                step=asked.step,
                target=asked.target,
                question=text,
                expected=asked.question.expected,
            )
        )
        for line in reason.splitlines():
            screen.line(f"     {line}", "quiet")
        screen.line(
            tr(
                "     stopgap answer {run} {step} {argument}",
                run=run,
                step=asked.step,
                argument=asked.question.argument,
            )
        )


def _said(asked: Asked) -> str:
    discard_typed()
    show_question(screens.err(), asked.target, asked.question, (asked.number, asked.count))
    line = sys.stdin.readline()
    if not line:
        raise UsageError(tr("no answer was given"))
    return line
