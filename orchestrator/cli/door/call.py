"""A command with its options, and what several commands read alike."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
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


def limit_of(typed: str | None) -> tuple[str, ...] | None:
    """Return the hosts that a file of `--limit-file` names, if any."""
    from stopgap.orchestrator.cli.limit_file import limit_file

    return limit_file(Path(typed)) if typed else None
