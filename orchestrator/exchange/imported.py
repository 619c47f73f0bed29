"""What imports of any form have in common: the runbook they make, texts taken literally, commands of strangers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.text import Text

COMMAND_TASK = "host.command"
"""The task that a command of another tool's playbook becomes, and that becomes a command there."""
EVIDENCE_TASK = "evidence.collect"
CONFIRM = "Run this command of an imported playbook? Stopgap knows neither what it does nor how to undo it."
_LONGEST_NAME = 120
_MARKS = re.compile(r"\{[{%#]")
_READS = frozenset((
    "cat", "date", "df", "du", "echo", "file", "free", "grep", "head", "hostname", "id", "last", "ls", "lsof",
    "lsmod", "mount", "ps", "pwd", "readlink", "sha256sum", "ss", "stat", "strings", "tail", "test", "true", "uname",
    "uptime", "w", "who",
))  # fmt: skip
"""Programs that change nothing by themselves."""
_NEXT = re.compile(r"[;&|\n]+")


@dataclass(frozen=True)
class Imported:
    """A runbook made of a playbook."""

    text: str
    """YAML; `check` says whether it is valid."""
    steps: int
    dropped: tuple[Text, ...]
    """What has no counterpart in a runbook, each with its place."""
    warnings: tuple[Text, ...]


def literal(text: str) -> str:
    """Return a text that a template renders to the same text.

    >>> literal("a {{ b }}")
    'a {{ "{{" }} b }}'
    """
    return _MARKS.sub(lambda found: f'{{{{ "{found[0]}" }}}}', text)


def line(text: object, otherwise: str) -> str:
    """Return a name on one line, without a template's marks, shortened."""
    words = "".join(c if c.isprintable() else " " for c in str(text)) if isinstance(text, str) else ""
    words = " ".join(_MARKS.sub(lambda found: " ".join(found[0]), words).split())
    return (words if len(words) <= _LONGEST_NAME else f"{words[: _LONGEST_NAME - 1]}…") or otherwise


def may_destroy(entry: Mapping[str, Any]) -> bool:
    """Return True for a command that may overwrite what evidence would show: any that is not known to read alone."""
    argv = (entry.get("with") or {}).get("argv")
    if entry["task"] != COMMAND_TASK or not isinstance(argv, list):
        return False
    text = str(argv[2]) if argv[:2] == ["sh", "-c"] and len(argv) > 2 else " ".join(map(str, argv))
    first = [words[0] for each in _NEXT.split(text) if (words := each.split())]
    return not set(first) <= _READS or any(mark in text for mark in (">", "$(", "`"))
