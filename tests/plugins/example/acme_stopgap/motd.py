"""The task `acme.motd`: tells whoever logs in that the host is under investigation."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from stopgap.orchestrator.change import write_file
from stopgap.orchestrator.facts import File, FileFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Facts, Parameters, Planned, Probe, Task


class MotdParams(Parameters):
    """What is said, and where."""

    text: str = Field("This host is under investigation.", description="One line for whoever logs in.")
    path: str = Field("/etc/motd", pattern="^/", description="The file that login(1) shows.")


class MotdFacts(Facts):
    """The file as it is."""

    file: FileFact


class Motd(Task[MotdParams, MotdFacts]):
    """Tell whoever logs in that the host is under investigation."""

    name = "acme.motd"

    def probe(self, params: MotdParams, scene: Scene) -> Probe:
        """Read the file."""
        return {"file": File(params.path)}

    def plan(self, params: MotdParams, facts: MotdFacts, scene: Scene) -> Iterator[Planned]:
        """Write the line, unless the file holds that line already."""
        if change := write_file(params.path, f"{params.text}\n", facts.file):
            yield change
