"""The command lines that repeat a recorded run."""

from __future__ import annotations

from collections.abc import Sequence

from stopgap.orchestrator.journal.records import RunStarted

_TYPED = 20
"""Targets that a command names one by one."""


def run_arguments(started: RunStarted, targets: Sequence[str] | None = None) -> list[str]:
    """Return the arguments of `stopgap run` or `stopgap check` that repeat a run; `targets`: default all.

    Secrets stay references: the journal holds no secret. Many targets are named as a file: one a line.
    """
    chosen = started.targets if targets is None else targets
    words = [started.runbook_path, *(word for path in started.inventory_path.split(", ") for word in ("-i", path))]
    many = len(chosen) > _TYPED
    words += ["--limit-file", "hosts.txt"] if many else [word for target in chosen for word in ("-t", target)]
    for name, value in started.params.items():
        if value is not None and value != []:
            words += ["-p", f"{name}={parameter_text(value)}"]
    return words


def parameter_text(value: object) -> str:
    """Return the value of a parameter as typed after `-p NAME=`.

    >>> parameter_text([True, 3, "noc@example.jp"])
    'true,3,noc@example.jp'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(parameter_text, value)) if isinstance(value, list | tuple) else str(value)
