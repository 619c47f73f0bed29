"""The check for remaining processes of a mail server."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Placed, PlacedFact, PlacedProcess, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.text import joined, tr
from stopgap.orchestrator.translatable import Translatable
from stopgap.tasks.host.place import place_of
from stopgap.tasks.mta.server import is_one_of

_IDLE = frozenset("TtZX")
"""States of proc(5): stopped by a signal, or ended. Such a process sends nothing."""


class NoProcess(Check):
    """No process runs a program of the mail server, in no namespace, according to the host's /proc.

    A process that a signal has stopped is left out.
    """

    kind: Literal["no-process"] = "no-process"
    vantage: CheckVantage = "target"
    whose: Translatable
    programs: tuple[str, ...]
    """Patterns for executables (fnmatch)."""
    commands: tuple[str, ...]
    """Names of processes, used if the executable is unreadable."""
    spared: tuple[str, ...] = ()
    """Frozen control groups: processes in these do nothing."""
    trusts_target: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the check's text with the name of the mail server."""
        return tr("no process of {whose} is left", whose=self.whose)

    def reader(self) -> Reader[PlacedFact]:
        """Read all processes."""
        return Placed()

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Look for the programs, and name the unit, container or parent of what is left."""
        mine = [p for p in fact.processes if is_one_of(p, self.programs, self.commands) and not self._spares(p)]
        left = [p for p in mine if p.state not in _IDLE]
        some = joined(", ", (_named(process, fact) for process in left[:5]))
        return Judgement(not left, tr("{count} left: {some}", count=len(left), some=some) if left else tr("none"))

    def _spares(self, process: PlacedProcess) -> bool:
        paths = [line.split(":", 2)[-1] for line in process.cgroup.split(";")]
        return any(path == group or path.startswith(f"{group}/") for path in paths for group in self.spared if group)


def _named(process: PlacedProcess, facts: PlacedFact) -> str:
    return tr("{name} ({pid}{where})", name=process.name, pid=process.pid, where=_where(process, facts))


def _where(process: PlacedProcess, facts: PlacedFact) -> str:
    place = place_of(process, facts)
    if place.container:
        return tr(", in {container}", container=place.container.describe())
    if place.unit:
        return tr(", in {unit}", unit=place.unit)
    parent = facts.named(process.parent)
    return tr(", started by {parent}", parent=parent.name) if parent and parent.pid != 1 else ""
