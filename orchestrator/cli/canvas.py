"""The terminal while a living view has all of it: drawing, and single keys without echo."""

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

from stopgap.orchestrator.cli.screen import STYLES
from stopgap.orchestrator.cli.view import Line, view
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.secret import redact

PAUSE = 1.0
"""Seconds between two looks."""
_LEAVES = {b"q", b"Q"}


class Canvas:
    """Takes the terminal with `open`, and gives it back as it was with `close`; both may be called again."""

    def __init__(self, footer: str) -> None:
        """`footer` stands below everything."""
        self._footer = footer
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self._keys: int | None = None
        self._before: list[Any] = []

    @property
    def is_open(self) -> bool:
        """It has the terminal."""
        return self._live is not None

    def open(self) -> None:
        """Clear the screen, hide the cursor, and take keys one by one."""
        if sys.stdin.isatty():
            self._keys = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def close(self) -> None:
        """Put the terminal back; keys that nobody has read yet are lost, so that none answers a question."""
        if self._live:
            self._live.stop()
            self._live = None
        if self._keys is not None:
            termios.tcsetattr(self._keys, termios.TCSAFLUSH, self._before)
            self._keys = None

    def draw(self, history: History, others: Sequence[History], below: Sequence[Line] = ()) -> None:
        """Draw a run as it stands, with what `others` have in force, and some lines `below` it."""
        if not self._live:
            return
        width, height = self._console.size
        last = [*((text, style) for text, style in below), (self._footer, "quiet")]
        lines = view(history, others=others, width=width, height=max(1, height - len(last)))
        text = Text("\n", overflow="ellipsis", no_wrap=True).join(
            Text(escape(redact(line)), style=STYLES.get(style, "")) for line, style in [*lines, *last]
        )
        self._live.update(text, refresh=True)

    def pressed(self, seconds: float) -> bool:
        """Wait so long at most; tell whether the key was pressed that leaves, or the terminal has gone."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if self._keys is None:
                time.sleep(rest)
            elif select.select([self._keys], [], [], rest)[0]:
                key = os.read(self._keys, 1)
                if key in _LEAVES or not key:
                    return True
        return False
