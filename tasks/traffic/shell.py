"""Commands on a router that take more than one program: a script of the folder `sh`, as the input of sh(1)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from stopgap.orchestrator.change import Command, command
from stopgap.orchestrator.shell import quote


def run(script: str, *arguments: str, **variables: str) -> Command:
    """Run `sh/SCRIPT.sh` with these arguments, and with these variables set."""
    preset = "".join(f"{name}={quote(value)}\n" for name, value in variables.items())
    return command("sh", "-s", "--", *arguments, stdin=preset + _text(script))


@cache
def _text(script: str) -> str:
    return (files("stopgap.tasks.traffic") / "sh" / f"{script}.sh").read_text("utf-8")
