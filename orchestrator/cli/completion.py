"""completion: what a shell reads to complete commands, options and files."""

from __future__ import annotations

import sys
from argparse import Action, ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

FILES = {"FILE", "INVENTORY", "KEY", "PLAN", "RUNBOOK"}
"""Metavars of arguments that name a file."""
FOLDERS = {"DIR", "FOLDER"}


@dataclass(frozen=True)
class CompletionOptions:
    """The options of `stopgap completion`."""

    shell: Literal["bash", "zsh", "fish"]
    parser: Callable[[], ArgumentParser]
    """Makes the parser with those of all commands."""


def completion(options: CompletionOptions) -> int:
    """Print the completion; the packages of distributions ship it as a file."""
    sys.stdout.write(completion_of(options.parser(), options.shell))
    return 0


def completion_of(top: ArgumentParser, shell: Literal["bash", "zsh", "fish"]) -> str:
    """Return the completion of a shell for a parser, as text for the shell's folder of completions.

    bash: /usr/share/bash-completion/completions/stopgap, zsh: _stopgap in a folder of $fpath, fish:
    ~/.config/fish/completions/stopgap.fish.
    """
    import shtab

    for action in _actions(top):
        if action.metavar in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return shtab.complete(top, shell).rstrip() + "\n"


def _actions(of: ArgumentParser) -> Iterator[Action]:
    for action in of._actions:
        yield action
        if isinstance(action.choices, dict):
            for below in action.choices.values():
                yield from _actions(below)
