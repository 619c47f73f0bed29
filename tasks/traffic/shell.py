"""Multi-program commands on a router: a script of the folder `sh`, as input of sh(1)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from stopgap.orchestrator.change import Command, command
from stopgap.orchestrator.shell import BY_SUDO, quote


def run(script: str, *arguments: str, **variables: str) -> Command:
    """Return a command to run `sh/SCRIPT.sh` with arguments and shell variables."""
    preset = "".join(f"{name}={quote(value)}\n" for name, value in variables.items())
    return command("sh", "-s", "--", *arguments, stdin=BY_SUDO + preset + _text(script))


@cache
def _text(script: str) -> str:
    return (files("stopgap.tasks.traffic") / "sh" / f"{script}.sh").read_text("utf-8")
