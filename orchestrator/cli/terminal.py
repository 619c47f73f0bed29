"""Asking the person at the keyboard, and hearing that they want to stop."""

from __future__ import annotations

import getpass
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from orchestrator.cli.screen import Screen
from orchestrator.plan import Plan, PlannedStep
from orchestrator.run.interruption import Interruption
from orchestrator.run.person import Answer
from orchestrator.task import Question


def operator() -> str:
    """Name who runs this: `user@machine`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


class Terminal:
    """Asks on standard error, reads standard input; with `yes` it answers by itself."""

    def __init__(self, screen: Screen, *, yes: bool) -> None:
        self._screen = screen
        self._yes = yes
        self._lock = threading.Lock()

    @property
    def asks(self) -> bool:
        """A person will be asked."""
        return not self._yes and sys.stdin.isatty()

    def agrees(self, plan: Plan) -> bool | None:
        """Ask whether to go ahead; where nothing would change and nothing is asked, go ahead."""
        if self._yes:
            return True
        if not sys.stdin.isatty():
            return None
        what = f"make {plan.changes} change{'' if plan.changes == 1 else 's'}" if plan.changes else "run it"
        return self._ask(f"Go ahead and {what}? [yes/no] ")

    def confirms(self, what: str) -> bool | None:
        """Ask whether to do it; None where nobody is there."""
        if self._yes:
            return True
        return self._ask(f"{what} [yes/no] ") if sys.stdin.isatty() else None

    def answers(self, step: PlannedStep, question: Question) -> Answer | None:
        """Ask a step's question."""
        if self._yes:
            return Answer("yes", "--yes")
        if not sys.stdin.isatty():
            return None
        if question.reason:
            self._screen.line(f"{step.target.name}: {question.reason}")
        said = self._ask(f"{step.target.name}: {question.text} [yes/no] ")
        return Answer("yes" if said else "no", operator())

    def _ask(self, prompt: str) -> bool:
        with self._lock:
            while True:
                self._screen.prompt(prompt)
                line = sys.stdin.readline()
                if not line:
                    return False
                if line.strip().lower() in {"yes", "y"}:
                    return True
                if line.strip().lower() in {"no", "n"}:
                    return False
                self._screen.line("Please type yes or no.")


@contextmanager
def stoppable(interruption: Interruption, screen: Screen) -> Iterator[None]:
    """While the block runs, Ctrl-C, SIGTERM and SIGHUP ask to stop; a second one cuts the connections."""

    def stop(number: int, _frame: FrameType | None) -> None:
        again = interruption.requested.is_set()
        # Not in the handler's own thread: what it calls takes locks that this thread may hold.
        threading.Thread(target=interruption.request, daemon=True).start()
        if again:
            screen.line("Cutting the connections.", "warn")
        else:
            screen.line(
                f"{signal.Signals(number).name}: stopping after what is under way; again to cut the connections.",
                "warn",
            )

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
