"""The only output to a terminal: every line is redacted and escaped here."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.language import rendered, spoken
from stopgap.orchestrator.secret import redact

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

WIDTH = 80
"""Columns that the layout is made for; a narrower terminal wraps, a wider one leaves room."""

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
        from rich.console import Console

        self._console: Console = Console(
            file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True, legacy_windows=False
        )
        self._status: Status | None = None

    @property
    def is_terminal(self) -> bool:
        """Return True if the stream is a terminal."""
        return self._console.is_terminal

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line; line ends, cursor movements and bidirectional controls are escaped."""
        from rich.text import Text

        self._console.print(Text(shown(text), style=STYLES.get(style, style), overflow="fold", no_wrap=True))

    def prompt(self, text: str) -> None:
        """Write text without ending the line."""
        self._console.file.write(shown(text))
        self._console.file.flush()

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
        if not self.is_terminal:
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
    from rich.cells import cell_len

    fields = "".join(padded(f"{said(field)} ", width) for field, width in zip(right, widths, strict=False)).rstrip()
    room, begin = WIDTH - sum(widths[: len(right)]), said(left)
    return f"{padded(begin, room)}{fields}" if cell_len(begin) < room else f"{begin}  {fields}"


def width_of(text: str) -> int:
    """Return the columns of a text in the reader's language."""
    from rich.cells import cell_len

    return cell_len(said(text))


def padded(text: str, width: int) -> str:
    """Return a text in the reader's language, filled with blanks to a number of columns."""
    from rich.cells import cell_len

    words = said(text)
    return words + " " * (width - cell_len(words))
