"""Consent to controller commands named by a file: in this process no command runs without the consent of a person.

`run.consent` keeps earlier consent, and asks for consent. Without consent a command is refused at the point of
execution.
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
    """A command, with the file of its origin."""

    reference: str
    """`command:` followed by the words of the command."""
    file: Path
    """Absolute."""
    checksum: str
    """SHA-256 of the file's text, in hexadecimal."""
    place: str
    """The position in words: `inventory.yaml: the host web`."""

    @classmethod
    def of(cls, reference: str, path: str, text: str, place: str) -> NamedCommand:
        """Return the command of the file at `path` with the full text `text`."""
        return cls(reference, Path(path).absolute(), hashlib.sha256(text.encode()).hexdigest(), place)

    @property
    def words(self) -> str:
        """The command as typed in a shell."""
        return self.reference.removeprefix(COMMAND)


Permit: TypeAlias = Callable[[Sequence[NamedCommand]], None]
"""Calls `agree` for the commands with consent."""


def agree(references: Iterable[str]) -> None:
    """Allow the commands in this process."""
    _agreed.update(references)


def is_agreed(reference: str) -> bool:
    """Return True if a command has consent; references of any other kind need no consent."""
    return not reference.startswith(COMMAND) or reference in _agreed


def reference_of(argv: Iterable[str]) -> str:
    """Return the reference of a task's command for reading facts on the controller; empty without a command."""
    words = list(argv)
    return COMMAND + join(words) if words else ""


def withdraw() -> None:
    """Withdraw the consent to every command."""
    _agreed.clear()
