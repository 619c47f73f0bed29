"""The terminal during a live view: drawing, and single keys without echo."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from stopgap.orchestrator.cli.screen import STYLES, shown
from stopgap.orchestrator.cli.view import Line, view
from stopgap.orchestrator.journal import History

PAUSE = 1.0
"""Seconds between two looks."""
_LEAVES = {b"q", b"Q"}


class Canvas:
    """A terminal taken by `open` and restored by `close`; repeated calls are allowed."""

    def __init__(self, footer: str, console: Console | None = None) -> None:
        """`footer` stands below everything. `console`: where to draw; by default standard output."""
        self._footer = footer
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self._keys: int | None = None
        self._before: list[Any] = []

    @property
    def is_open(self) -> bool:
        """Return True while the view has the terminal."""
        return self._live is not None

    def open(self) -> None:
        """Clear the screen, hide the cursor, and read single keys."""
        if sys.stdin.isatty():
            self._keys = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def close(self) -> None:
        """Restore the terminal; unread keys are discarded, so no stray key answers a question."""
        if self._live:
            self._live.stop()
            self._live = None
        if self._keys is not None:
            termios.tcsetattr(self._keys, termios.TCSAFLUSH, self._before)
            self._keys = None

    def draw(self, history: History, others: Sequence[History], below: Sequence[Line] = ()) -> None:
        """Draw the present state of a run, with blocks in force from `others`, and lines `below`."""
        if not self._live:
            return
        width, height = self._console.size
        last = [*((text, style) for text, style in below), (self._footer, "quiet")]
        lines = view(history, others=others, width=width, height=max(1, height - len(last)))
        text = Text("\n", overflow="ellipsis", no_wrap=True).join(
            Text(shown(line), style=STYLES.get(style, "")) for line, style in [*lines, *last]
        )
        self._live.update(text, refresh=True)

    def pressed(self, seconds: float) -> bool:
        """Wait up to `seconds`; return True if the quit key was pressed, or the terminal is gone."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if self._keys is None:
                time.sleep(rest)
            elif select.select([self._keys], [], [], rest)[0]:
                key = os.read(self._keys, 1)
                if key in _LEAVES or not key:
                    return True
        return False
