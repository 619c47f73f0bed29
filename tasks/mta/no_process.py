"""The check for remaining processes of a mail server."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Placed, PlacedFact, PlacedProcess, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.tasks.host.place import place_of
from stopgap.tasks.mta.server import is_one_of


class NoProcess(Check):
    """No process runs a program of the mail server, in no namespace, according to the host's /proc."""

    kind: Literal["no-process"] = "no-process"
    vantage: CheckVantage = "target"
    whose: str
    programs: tuple[str, ...]
    """Patterns for executables (fnmatch)."""
    commands: tuple[str, ...]
    """Names of processes, used if the executable is unreadable."""
    spared: tuple[str, ...] = ()
    """Frozen control groups: processes in these do nothing."""
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the check's text with the name of the mail server."""
        return f"no process of {self.whose} is left"

    def reader(self) -> Reader[PlacedFact]:
        """Read all processes."""
        return Placed()

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Look for the programs, and name the unit, container or parent of what is left."""
        left = [p for p in fact.processes if is_one_of(p, self.programs, self.commands) and not self._spares(p)]
        some = ", ".join(f"{process.name} ({process.pid}{_where(process, fact)})" for process in left[:5])
        return Judgement(not left, f"{len(left)} left: {some}" if left else "none")

    def _spares(self, process: PlacedProcess) -> bool:
        paths = [line.split(":", 2)[-1] for line in process.cgroup.split(";")]
        return any(path == group or path.startswith(f"{group}/") for path in paths for group in self.spared if group)


def _where(process: PlacedProcess, facts: PlacedFact) -> str:
    place = place_of(process, facts)
    if place.container:
        return f", in {place.container.describe()}"
    if place.unit:
        return f", in {place.unit}"
    parent = facts.named(process.parent)
    return f", started by {parent.name}" if parent and parent.pid != 1 else ""
