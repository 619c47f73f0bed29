"""A problem in operator input, and the exception with all problems."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.text import tr

_LONGEST_VALUE = 60
_LONGEST_WORD = 100


@dataclass(frozen=True, order=True)
class Position:
    """A position in a file; line and column count from 1, the column in characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One problem. `source` is the file, or the option of the command line, such as `-p contact`."""

    source: str
    message: str
    position: Position | None = None
    expected: str | None = None
    hint: str | None = None
    refused: bool = False
    """The text is valid, but a guard refuses."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The problem as texts, a line each: place and message, what was expected, a hint."""
        place = f"{self.source}:{self.position}" if self.position else self.source
        lines = [tr("{place}: {message}", place=place, message=self.message)]
        if self.expected:
            lines.append(tr("  expected {expected}", expected=self.expected))
        if self.hint:
            lines.append(tr("  hint: {hint}", hint=self.hint))
        return tuple(lines)

    def __str__(self) -> str:
        return "\n".join(escape(line) for line in self.lines)


class InvalidInput(UsageError):  # noqa: N818
    """The operator's input is invalid; no host was contacted.

    Exit status 2, or 4 where the text is valid and a guard refuses everything in the text.

    `problems` holds all problems, in the order of the sources and of the positions in each source.

    >>> import stopgap
    >>> try:
    ...     stopgap.load_inventory("mine.yaml", text="hosts: {web: {adress: 192.0.2.7}}")
    ... except stopgap.InvalidInput as error:
    ...     print(error.exit_code.value, error.problems[0].position, error.problems[0].message)
    2 1:14 `address` is missing
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = _in_file_order(problems)
        if self.problems and all(problem.refused for problem in self.problems):
            self.exit_code = ExitCode.REFUSED
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Unfit(ValueError):  # noqa: N818
    """Raised by a validator with a message, the expected form, and a hint."""

    def __init__(self, message: str, expected: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.hint = hint


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint with the nearest known word, if close enough; full-width letters match ASCII.

    >>> did_you_mean("tak", ["task", "with"])
    'did you mean task?'
    """
    words = list(known)
    if len(word) > _LONGEST_WORD:
        return None
    folded = {candidate.casefold(): candidate for candidate in words}
    typed = unicodedata.normalize("NFKC", word).casefold()
    near = get_close_matches(typed, list(folded), n=1, cutoff=0.6)
    return tr("did you mean {word}?", word=folded[near[0]]) if near else None


def quoted(value: object) -> str:
    """Return a value in YAML notation for a message, on one line, shortened if long.

    >>> quoted(True)
    'true'
    """
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 1]}…"


def _in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    unique = list(dict.fromkeys(problems))
    rank = {source: i for i, source in enumerate(dict.fromkeys(p.source for p in unique))}
    return tuple(sorted(unique, key=lambda p: (rank[p.source], p.position or Position(0, 0))))
