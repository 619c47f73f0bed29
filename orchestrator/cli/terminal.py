"""Questions to the person at the keyboard, and the person's interruption."""

from __future__ import annotations

import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TypeVar

from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.cli.words import step_place, worded
from stopgap.orchestrator.journal import ChangeStatus, History
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.person import Answer, Unattended, Waiting, operator
from stopgap.orchestrator.source import Unfit
from stopgap.orchestrator.text import joined, tr, trn

T = TypeVar("T")

_PAUSE = 0.2
"""Seconds between two looks at whether somebody has answered elsewhere."""


class Terminal:
    """A person at the terminal: questions on standard error, answers on standard input; `yes` answers automatically.

    Keys typed before a prompt appears are discarded: a person answers only a question that the person has seen. With
    `wait`, the plan is approved, and questions wait for a terminal or for `stopgap answer`. An interruption is no
    approval.
    """

    def __init__(self, screen: Screen, *, yes: bool, wait: bool = False) -> None:
        self.interruption = Interruption()
        self._screen = screen
        self._yes = yes
        self._wait = wait
        self._lock = threading.Lock()

    @property
    def asks(self) -> bool:
        """Return True if a person will be asked for approval."""
        return not self._yes and not self._wait and sys.stdin.isatty()

    def agrees(self, plan: Plan) -> bool | None:
        """Ask for approval of the plan; a plan without changes and questions needs no approval."""
        if self._yes or self._wait:
            return True
        if not sys.stdin.isatty():
            return None
        parts = [trn("make {count} change", "make {count} changes", plan.changes)] if plan.changes else []
        parts += [trn("send {count} message", "send {count} messages", plan.messages)] if plan.messages else []
        return self._agrees(tr("Go ahead and {parts}? [yes/no] ", parts=joined(" and ", parts) or tr("run it")))

    def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
        """Ask whether to take the changes back; None where nobody is there."""
        return self.confirms(tr("Take back {count} changes?", count=len(changes)))

    def confirms(self, what: str) -> bool | None:
        """Ask for a confirmation; None without a person."""
        if self._yes:
            return True
        return self._agrees(tr("{what} [yes/no] ", what=what)) if sys.stdin.isatty() else None

    def can_answer(self, question: Question) -> bool:
        """Return True if an answer is possible: with `yes` the default, else a person present or waited for."""
        if self._yes and not self._wait:
            return Unattended().can_answer(question)
        return self._wait or sys.stdin.isatty()

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        """Ask a step's question, here and, through the journal, wherever `stopgap answer` is called."""
        if self._yes and not self._wait:
            return Unattended().answers(step, question, waiting)
        here = sys.stdin.isatty()
        if not here and not self._wait:
            return None
        with self._prompting() if here else nullcontext():
            asked = here and waiting.heard() is None
            if asked:
                discard_typed()
                show_question(self._screen, step.target.name, question, (step.number, step.count))
            while waiting.heard() is None and not waiting.over():
                if not here:
                    time.sleep(_PAUSE)
                elif select.select([sys.stdin], [], [], _PAUSE)[0]:
                    line = sys.stdin.readline()
                    if not line:
                        return None
                    try:
                        return Answer(question.read(line), operator())
                    except Unfit as unfit:
                        self._screen.line(
                            tr("{message}; expected {expected}", message=unfit.message, expected=unfit.expected)
                        )
                        self._screen.prompt("> ")
            if asked:
                discard_typed()
                self._screen.line()
                if elsewhere := waiting.heard():
                    self._screen.line(
                        tr("Answered at another terminal, by {by}: {says}", by=elsewhere.by, says=elsewhere.says),
                        "warn",
                    )
        return waiting.heard()

    @contextmanager
    def _prompting(self) -> Iterator[None]:
        """Hold the lock of the prompt."""
        with self._lock:
            try:
                yield
            finally:
                self._screen.answered()

    def reads(self, prompt: str, understand: Callable[[str], T | None], expected: str) -> T | None:
        """Ask until a line is understood; None at the end of input, or without a person.

        `expected`: tells what to type, after a line that was not understood.
        `understand`: returns the meaning of a line, None for a line to ask about again.
        """
        if not sys.stdin.isatty():
            return None
        with self._prompting():
            while True:
                discard_typed()
                self._screen.prompt(prompt)
                stopped = self.interruption.requested
                while not stopped.is_set() and not select.select([sys.stdin], [], [], _PAUSE)[0]:
                    pass
                line = "" if stopped.is_set() else sys.stdin.readline()
                if not line:
                    return None
                if (meant := understand(line)) is not None:
                    return meant
                self._screen.line(expected)

    def _agrees(self, prompt: str) -> bool:
        words = {"yes": True, "y": True, "no": False, "n": False}
        return bool(self.reads(prompt, lambda line: words.get(line.strip().lower()), tr("Please type yes or no.")))


def discard_typed() -> None:
    """Discard what was typed before the prompt, a half-typed line included; no effect without a terminal."""
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def show_question(screen: Screen, target: str, question: Question, place: tuple[int, int]) -> None:
    """Show a question, the reason line by line, and the expected form of the answer.

    `place`: the number of the step, and how many steps there are; 0 where they are unknown.
    """
    text, reason = worded(question)
    if place[1]:
        screen.line(step_place(target, *place), "title")
    for line in said(reason).splitlines():
        screen.line(f"{target}: {line}")
    default = tr(", default {default}", default=question.default) if question.default is not None else ""
    limit = tr(", within {timeout} s", timeout=f"{question.timeout:g}") if question.timeout else ""
    screen.prompt(
        tr(
            "{target}: {question} [{expected}{default}{limit}] ",
            target=target,
            question=text,
            expected=question.expected,
            default=default,
            limit=limit,
        )
    )


@contextmanager
def stoppable(interruption: Interruption, screen: Screen) -> Iterator[None]:
    """During the block, Ctrl-C, SIGTERM and SIGHUP request a stop; a second signal cuts the connections."""

    def stop(number: int, _frame: FrameType | None) -> None:
        again = interruption.requested.is_set()
        # Not in the handler's own thread: the request takes locks possibly held by this thread.
        threading.Thread(target=interruption.request, daemon=True).start()
        if again:
            screen.line(tr("Cutting the connections."), "warn")
        else:
            screen.line(
                tr(
                    "{signals}: stopping after what is under way; again to cut the connections.",
                    signals=signal.Signals(number).name,
                ),
                "warn",
            )

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
