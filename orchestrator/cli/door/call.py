"""A command with its options, and what several commands read alike."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

Options = TypeVar("Options")


class Call(NamedTuple, Generic[Options]):
    """A command and the options that it is called with."""

    command: Callable[[Options], int]
    options: Options

    def __call__(self) -> int:
        """Run the command; return the exit code."""
        return self.command(self.options)


Read: TypeAlias = Callable[[Namespace], Call[Any]]


def path_of(typed: str | None) -> Path | None:
    """Return the path that was typed, if any."""
    return Path(typed) if typed else None


def duration_of(option: str, typed: str) -> timedelta:
    """Return the duration that was typed after an option. Raises InvalidInput for a text that is none."""
    from stopgap.orchestrator.duration import parse_duration
    from stopgap.orchestrator.source import InvalidInput, Problem, Unfit

    try:
        return parse_duration(typed)
    except Unfit as error:
        place = f"{option} {typed}"
        raise InvalidInput([Problem(place, error.message, expected=error.expected, hint=error.hint)]) from None


def limit_of(typed: str | None) -> tuple[str, ...] | None:
    """Return the hosts that a file of `--limit-file` names, if any."""
    from stopgap.orchestrator.cli.limit_file import limit_file

    return limit_file(Path(typed)) if typed else None
