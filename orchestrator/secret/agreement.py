"""Commands of the controller that a file names: in this process none runs before somebody has agreed to it.

`run.consent` knows what was agreed to before, and asks. Without its word a command is refused where it would run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from stopgap.orchestrator.shell import join

COMMAND = "command:"

_agreed: set[str] = set()


@dataclass(frozen=True)
class NamedCommand:
    """A command, and the file that names it."""

    reference: str
    """`command:` and its words."""
    file: Path
    """Absolute."""
    checksum: str
    """SHA-256 of the file's text, in hexadecimal."""
    place: str
    """Where it stands, for a person: `inventory.yaml: the host web`."""

    @classmethod
    def of(cls, reference: str, path: str, text: str, place: str) -> NamedCommand:
        """Name a command of the file at `path`, whose whole text is `text`."""
        return cls(reference, Path(path).absolute(), hashlib.sha256(text.encode()).hexdigest(), place)

    @property
    def words(self) -> str:
        """The command itself, as it would be typed."""
        return self.reference.removeprefix(COMMAND)


Permit: TypeAlias = Callable[[Sequence[NamedCommand]], None]
"""Calls `agree` for those commands that may run."""


def agree(references: Iterable[str]) -> None:
    """Let these commands run in this process."""
    _agreed.update(references)


def is_agreed(reference: str) -> bool:
    """Tell whether a command may run; no command, and any other reference, may be."""
    return not reference.startswith(COMMAND) or reference in _agreed


def reference_of(argv: Iterable[str]) -> str:
    """Give the reference of a command that a task runs on the controller while it looks; empty for none."""
    words = list(argv)
    return COMMAND + join(words) if words else ""


def withdraw() -> None:
    """Let no command run any more."""
    _agreed.clear()
