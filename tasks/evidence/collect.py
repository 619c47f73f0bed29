"""Evidence, streamed from the host to the controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from pydantic import Field

from orchestrator.facts import System, SystemFact
from orchestrator.host import Scene
from orchestrator.task import Collection, Facts, Gap, Parameters, Planned, Probe, Task
from tasks.evidence.catalogue import shipped
from tasks.evidence.definition import table

Profile: TypeAlias = Literal["volatile", "triage"]


class CollectParams(Parameters):
    """How much is collected."""

    profile: Profile = Field(
        description="`volatile`: processes, sockets, sessions, kernel: what is gone after a restart, within seconds. "
        "`triage`: metadata of the whole system, then lists and contents of what an investigation begins with.",
    )


class CollectFacts(Facts):
    """As whom it collects."""

    system: SystemFact


class Collect(Task[CollectParams, CollectFacts]):
    """Collect evidence from the running host, writing nothing on it.

    Each artifact is a script that only reads; what it prints goes straight into a file on the controller, hashed on
    the way. A tool that the host lacks is replaced by another or named as missing; each artifact has its deadline
    and its cap. The host's own tools and kernel answer, and an intruder may have changed both: where two views of
    the same thing can be had, both are taken, so that a difference shows.

    Private keys, password hashes and files made for passwords stay on the host. Other files, environments and
    histories may hold passwords all the same: treat the evidence accordingly.
    """

    name = "evidence.collect"

    def probe(self, params: CollectParams, scene: Scene) -> Probe:
        """Read as whom it will collect."""
        return {"system": System()}

    def plan(self, params: CollectParams, facts: CollectFacts, scene: Scene) -> Iterator[Planned]:
        """Give the profile's artifacts; without root's rights, say that much stays unseen."""
        if facts.system.uid != 0:
            yield Gap(
                text=f"Collected without root's rights (user id {facts.system.uid}): "
                "what belongs to others is missing from the evidence."
            )
        definitions = shipped().profile(params.profile)
        yield Collection(profile=params.profile, artifacts=tuple(d.artifact() for d in definitions))

    def appendix(self) -> Iterator[str]:
        """List what each profile collects."""
        known = shipped()
        for name, profile in known.profiles.items():
            yield f"Profile `{name}`, in this order. {profile.about}"
            yield ""
            yield from table(known.profile(name)).splitlines()
            yield ""
