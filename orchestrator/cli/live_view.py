"""`--watch`: the live view in the terminal of the run itself.

While the view has the terminal, lines are held back. A question closes the view: held lines are written, the question
is asked and answered on a plain terminal, then the view returns. `q` closes the view for good.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TextIO

from stopgap.orchestrator.cli.canvas import PAUSE, Canvas
from stopgap.orchestrator.cli.other_runs import Elsewhere
from stopgap.orchestrator.cli.screen import Screen
from stopgap.orchestrator.cli.steps import progress_line
from stopgap.orchestrator.journal import Entry, Journal, JournalError
from stopgap.orchestrator.journal.records import StepFinished
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.cli.view import Line
    from stopgap.orchestrator.plan import Plan, PlannedStep
    from stopgap.orchestrator.run.evidence_stream import Progress

_KEPT_IN_SIGHT = 2
"""Of the messages that are kept back, the last ones stand below the view."""


class Held(Screen):
    """A screen with lines held back while the view has the terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.held: list[Line] | None = None
        self.before_prompt: Callable[[], None] = lambda: None
        self.after_prompt: Callable[[], None] = lambda: None

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line, or hold the line back."""
        if (held := self.held) is not None:
            held.append((text, style))
        else:
            super().line(text, style)

    def status(self, text: str) -> None:
        """Show the status only while lines are written."""
        if self.held is None:
            super().status(text)

    def prompt(self, text: str) -> None:
        """Have the terminal first."""
        self.before_prompt()
        super().prompt(text)

    def answered(self) -> None:
        """Return the terminal to the view."""
        self.after_prompt()

    def release(self) -> None:
        """Write the held lines, and hold no more."""
        held, self.held = self.held, None
        for text, style in held or ():
            super().line(text, style)


class LiveView:
    """An observer to draw the run from the first record on; use `out` and `messages` meanwhile."""

    def __init__(self, open_journal: Callable[[], AbstractContextManager[Journal]]) -> None:
        self.out = Held(sys.stdout)
        self.messages = Held(sys.stderr)
        self.messages.before_prompt = self._step_aside
        self.messages.after_prompt = self._come_back
        self._open_journal = open_journal
        self._canvas = Canvas(tr("q leaves the view; Ctrl-C stops the run"))
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._left = False
        self._run = ""
        self._thread: threading.Thread | None = None
        self._collecting: dict[tuple[str, str], str] = {}

    @property
    def possible(self) -> bool:
        """There is a terminal to draw on."""
        return self.out.is_terminal and self.messages.is_terminal

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Restore the terminal at the end of the block, in any case."""
        try:
            yield
        finally:
            self._over.set()
            if self._thread:
                self._thread.join()
            self._leave()

    def planned(self, plan: Plan, *, dry_run: bool) -> None:
        """Show nothing: a person reads the plan before the run, outside the view."""

    def beginning(self, step: PlannedStep) -> None:
        """Read the journal instead."""

    def recorded(self, run: str, entry: Entry) -> None:
        """Start the view with the first record; later records are read from the journal."""
        if isinstance(record := entry.record, StepFinished):
            self._collecting.pop((record.step, record.target), None)
        if self._thread is None and not self._over.is_set():
            self._run = run
            self._come_back()
            self._thread = threading.Thread(target=self._draw_on, name="view", daemon=True)
            self._thread.start()

    def progressed(self, step: PlannedStep, progress: Progress) -> None:
        """Show how far a collection has come, below the view."""
        self._collecting[step.key, step.target.name] = progress_line(step, progress)

    def _draw_on(self) -> None:
        with self._open_journal() as journal:
            elsewhere = Elsewhere(journal)
            while not self._over.is_set() and not self._left:
                with self._lock:
                    if self._canvas.is_open:
                        self._draw(journal, elsewhere)
                if not self._canvas.is_open:
                    self._over.wait(PAUSE / 5)
                elif self._pressed():
                    self._leave()

    def _draw(self, journal: Journal, elsewhere: Elsewhere) -> None:
        try:
            history = journal.history(self._run)
            others = elsewhere.of(history)
        except JournalError:
            return  # The run itself prints the end.
        below = [(text, "") for text in self._collecting.values()]
        self._canvas.draw(history, others, [*below, *(self.messages.held or ())[-_KEPT_IN_SIGHT:]])

    def _pressed(self) -> bool:
        """Wait for the next refresh in short intervals, so a question never waits long."""
        for _ in range(5):
            if self._over.is_set():
                return False
            with self._lock:
                if not self._canvas.is_open or self._canvas.pressed(0):
                    return self._canvas.is_open
            self._over.wait(PAUSE / 5)
        return False

    def _step_aside(self) -> None:
        """Give the terminal to a question."""
        with self._lock:
            if self._canvas.is_open:
                self._canvas.close()
                self.out.release()
                self.out.held = []
                self.messages.release()

    def _come_back(self) -> None:
        with self._lock:
            if not self._over.is_set() and not self._left and not self._canvas.is_open:
                self.out.held = self.out.held or []
                self.messages.held = []
                self._canvas.open()

    def _leave(self) -> None:
        with self._lock:
            self._left = True
            self._canvas.close()
            self.out.release()
            self.messages.release()
