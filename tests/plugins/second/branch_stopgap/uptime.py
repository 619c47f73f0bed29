"""The task `branch.uptime`: notes since when a host is up, by a command that the task declares as read-only."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.facts import ProgramFact, ReadOnly
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Facts, Note, Parameters, Planned, Probe, Task

UPTIME = ReadOnly(("uptime", "-s"), because="uptime(1): -s prints since when the system is up")


class UptimeParams(Parameters):
    """No parameters."""


class UptimeFacts(Facts):
    """What uptime(1) says."""

    since: ProgramFact


class Uptime(Task[UptimeParams, UptimeFacts]):
    """Note since when a host is up."""

    name = "branch.uptime"

    def probe(self, params: UptimeParams, scene: Scene) -> Probe:
        """Ask for the time."""
        return {"since": UPTIME.asked()}

    def plan(self, params: UptimeParams, facts: UptimeFacts, scene: Scene) -> Iterator[Planned]:
        """Note the time; nothing is changed."""
        yield Note(text=f"{scene.on.name} is up since {facts.since.stdout.strip() or 'an unknown time'}")
