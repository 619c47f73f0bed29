"""The check for remaining processes of a mail server."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Processes, ProcessFact, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.tasks.mta.server import is_one_of


class NoProcess(Check):
    """No process runs a program of the mail server, according to the host's /proc."""

    kind: Literal["no-process"] = "no-process"
    vantage: CheckVantage = "target"
    whose: str
    programs: tuple[str, ...]
    """Patterns for executables (fnmatch)."""
    commands: tuple[str, ...]
    """Names of processes, used if the executable is unreadable."""
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the check's text with the name of the mail server."""
        return f"no process of {self.whose} is left"

    def reader(self) -> Reader[tuple[ProcessFact, ...]]:
        """Read all processes."""
        return Processes()

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Look for the programs."""
        left = [process for process in fact if is_one_of(process, self.programs, self.commands)]
        some = ", ".join(f"{process.name} ({process.pid})" for process in left[:5])
        return Judgement(not left, f"{len(left)} left: {some}" if left else "none")
