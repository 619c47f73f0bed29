"""The only output to a terminal: every line is redacted and escaped here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.language import rendered, spoken
from stopgap.orchestrator.secret.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

WIDTH = 80
"""Columns that the layout is made for; a narrower terminal wraps, a wider one leaves room."""

_TERMINALS = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which rich takes any stream for a terminal."""
STYLES = {
    "title": "bold",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "quiet": "dim",
    "added": "green",
    "removed": "red",
}


def shown(text: str) -> str:
    r"""Return a text as a terminal may have it: one line, secrets redacted, what a host sent escaped.

    A text is in the reader's language.

    Everything that any command writes for a person goes through here.

    >>> shown("\x1b[2Jgone")
    '\\x1b[2Jgone'
    """
    return escape(redact(said(text)).expandtabs(4))


def said(text: str) -> str:
    """Return a text in the language of the terminal's reader."""
    return rendered(text, spoken())


class Screen:
    """A writer of lines to one stream, coloured on a terminal, plain otherwise."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console: Console | None = None
        """None: the stream is no terminal, and rich is not imported for plain lines."""
        self._status: Status | None = None
        if stream.isatty() or any(name in os.environ for name in _TERMINALS):
            from rich.console import Console

            self._console = Console(
                file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True, legacy_windows=False
            )

    @property
    def is_terminal(self) -> bool:
        """Return True if the stream is a terminal."""
        return self._console is not None and self._console.is_terminal

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line; line ends, cursor movements and bidirectional controls are escaped."""
        if self._console is None:
            self._stream.write(f"{shown(text)}\n")
            self._stream.flush()
            return
        from rich.text import Text

        self._console.print(Text(shown(text), style=STYLES.get(style, style), overflow="fold", no_wrap=True))

    def prompt(self, text: str) -> None:
        """Write text without ending the line."""
        self._stream.write(shown(text))
        self._stream.flush()

    def answered(self) -> None:
        """Hook for the end of a prompt; no action here."""

    def lines(self, lines: Iterable[str], *, indent: str = "", diff: bool = False) -> None:
        """Write several lines; with `diff`, additions and removals are coloured."""
        for text in lines:
            style = ""
            if diff and text[:1] in {"+", "-"}:
                style = "added" if text[0] == "+" else "removed"
            self.line(indent + text, style)

    def status(self, text: str) -> None:
        """Show a status below the lines, in place of the previous status; on a terminal only. Empty: no status."""
        if self._console is None or not self._console.is_terminal:
            return
        said = shown(text)
        if self._status is None and said:
            self._status = self._console.status("", spinner="line", spinner_style="")
            self._status.start()
        if self._status is not None and said:
            from rich.text import Text

            self._status.update(Text(said, overflow="ellipsis", no_wrap=True))
        elif self._status is not None:
            self._status.stop()
            self._status = None


def write_line(text: str) -> None:
    """Write a line of evidence to standard output: as `Screen.line`, without styles, for many lines."""
    sys.stdout.write(shown(text) + "\n")


def out() -> Screen:
    """Give the screen of results."""
    return Screen(sys.stdout)


def err() -> Screen:
    """Give the screen of messages and progress."""
    return Screen(sys.stderr)


def columns(left: str, *right: str, widths: tuple[int, ...] = (12, 13)) -> str:
    """Lay out a line of WIDTH columns: text at the left, fields at the right."""
    fields = "".join(padded(f"{said(field)} ", width) for field, width in zip(right, widths, strict=False)).rstrip()
    room, begin = WIDTH - sum(widths[: len(right)]), said(left)
    return f"{padded(begin, room)}{fields}" if width_of(begin) < room else f"{begin}  {fields}"


def width_of(text: str) -> int:
    """Return the columns of a text in the reader's language."""
    words = said(text)
    if words.isascii() and words.isprintable():
        return len(words)
    from rich.cells import cell_len

    return cell_len(words)


def padded(text: str, width: int) -> str:
    """Return a text in the reader's language, filled with blanks to a number of columns."""
    words = said(text)
    return words + " " * (width - width_of(words))
