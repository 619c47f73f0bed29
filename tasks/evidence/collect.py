"""Evidence, streamed from the host to the controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stopgap.orchestrator.duration import Duration, format_duration
from stopgap.orchestrator.facts import Machine, Memory, MemoryFact, Reader, System, SystemFact, ToolkitFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.source import InvalidInput, Unfit, did_you_mean, quoted
from stopgap.orchestrator.task import (
    Artifact,
    At,
    Collection,
    Facts,
    Gap,
    Parameters,
    Planned,
    Probe,
    Task,
    Unlimited,
    Unplannable,
)
from stopgap.orchestrator.text import tr
from stopgap.tasks.evidence.catalogue import Catalogue, shipped, with_own
from stopgap.tasks.evidence.definition import Definition, table
from stopgap.tasks.evidence.memory import MemoryBy, MemoryCap, Wanted, image, image_file
from stopgap.tasks.evidence.source import Size, shell
from stopgap.tasks.evidence.toolkit import AskedFor, file_of, read_with, toolkit_of

CUSTOM = "custom"
"""Name of a collection without a profile."""
CUSTOM_DEADLINE = 1800.0
"""Seconds."""
SLOWEST = 512 << 10
"""Bytes a second; slower than that the connection's own portions are too large to keep a rate."""
PATIENT = frozenset({"times", "disk"})
"""Volatilities of evidence stable for more than seconds."""


class CollectParams(Parameters):
    """How much is collected."""

    toolkit: AskedFor = "none"
    own: str | None = Field(
        default=None,
        description="A file, or a folder of files *.yaml, with artifacts, selections and profiles of your own "
        "(docs/evidence.md); from where stopgap is started.",
    )
    profile: str | None = Field(
        default=None,
        description="`volatile`: processes, sockets, sessions, kernel: what is gone after a restart, within seconds. "
        "`triage`: metadata of the whole system, then lists and contents of what an investigation begins with. "
        "`full`: both, and what is asked for later. Or a profile of your own.",
        examples=["volatile", "triage", "full"],
    )
    artifacts: tuple[str, ...] = Field(
        default=(), description="Artifacts by name, in addition to the profile or without a profile."
    )

    compress: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="Compress on the host (gzip -1) what goes over the wire; what is kept is the same. `auto`: where "
        "a sample shows that the wire is slower than gzip is; never for what is gone within seconds alone.",
    )
    rate: Annotated[Size, Field(ge=SLOWEST)] | None = Field(
        default=None,
        description="Bytes a second that come over the wire at most, such as `2 MiB`, and so a bound to what is "
        "read; 512 KiB at least. Give the step a `timeout` that allows for it.",
    )
    nice: int = Field(
        default=10,
        ge=0,
        le=19,
        description="How far the host's own work goes before, from metadata on (nice(1); ionice(1) likewise). What "
        "is gone within seconds is collected first, and at once.",
    )
    memory: MemoryBy = "none"
    memory_cap: MemoryCap = 64 << 30
    memory_deadline: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(seconds=1),
        le=timedelta(days=1),
        description="Additional time for memory, beside the profile's deadline.",
    )

    @field_validator("own")
    @classmethod
    def _sound(cls, own: str | None) -> str | None:
        try:
            _catalogue(own)
        except InvalidInput as error:
            raise Unfit("; ".join(str(problem).replace("\n  ", ", ") for problem in error.problems)) from None
        return own

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and "own" in info.data:
            known = _catalogue(info.data["own"]).profiles
            if name not in known:
                raise Unfit(
                    tr("no profile {name}", name=quoted(name)),
                    tr("one of {known}", known=", ".join(known)),
                    did_you_mean(name, known),
                )
        return name

    @field_validator("artifacts")
    @classmethod
    def _known_artifacts(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = _catalogue(info.data["own"]).artifacts if "own" in info.data else {}
        for name in names if known else ():
            if name not in known:
                raise Unfit(
                    tr("no artifact {name}", name=quoted(name)),
                    tr("see stopgap tasks evidence.collect"),
                    did_you_mean(name, known),
                )
        return names

    @model_validator(mode="after")
    def _something(self) -> CollectParams:
        if self.profile is None and not self.artifacts and self.memory == "none":
            raise ValueError(tr("a `profile`, `artifacts` or `memory` have to be given"))
        return self


class CollectFacts(Facts):
    """Facts for a collection: the login's user id, machine type, toolkit and memory access."""

    system: SystemFact
    toolkit: ToolkitFact | None = None
    machine: str = ""
    memory: MemoryFact | None = None
    memory_tool: ToolkitFact | None = None


class Collect(Task[CollectParams, CollectFacts]):
    """Collect evidence from the running host, writing nothing on its disks.

    Each artifact is a read-only script; the controller hashes the output while writing a file. If the host lacks a
    tool, the script runs an alternative, or reports the tool as missing. Each artifact has a timeout and a size cap.
    An intruder may have changed the host's tools and kernel: artifacts read two views of the same data if possible,
    so differences show.

    With `toolkit`, a static program from the controller reads the evidence, in a clean environment, from the host's
    RAM. Changed tools and libraries have no effect then; a changed kernel still has. Tools with a word of their own
    as evidence, such as ps and the package manager, run as well. Without `toolkit`, nothing is written at all.

    The most volatile artifacts come first, and timestamps of files before content of files. Memory is read only if
    `memory` names a method.

    Private keys, password hashes and password files stay on the host. Other files, environments and histories may
    still hold passwords: protect the evidence accordingly.
    """

    name = "evidence.collect"
    collects = True
    controller_files = ("memory",)

    def probe(self, params: CollectParams, scene: Scene) -> Probe:
        """Return readers for the user id, the toolkit and the memory of the host."""
        probe: dict[str, Reader[Any] | At] = {"system": System()}
        tool = image_file(params.memory)
        if params.toolkit != "none":
            probe["toolkit"] = At("controller", file_of(params.toolkit))
        if tool:
            probe["memory_tool"] = At("controller", tool)
        if tool or params.toolkit != "none":
            probe["machine"] = Machine()
        if params.memory != "none":
            probe["memory"] = Memory()
        return probe

    def plan(self, params: CollectParams, facts: CollectFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the collection of artifacts; without root, also a gap for the unreadable evidence."""
        if facts.system.uid != 0:
            yield Gap(
                text=tr(
                    "Collected without root's rights (user id {uid}): what belongs to others is missing from the "
                    "evidence.",
                    uid=facts.system.uid,
                ),
                at_best=Unlimited(why=tr("what the evidence lacks lets no packet through")),
            )
        known = _catalogue(params.own)
        definitions = _definitions(params, known)
        memory: list[Artifact] = []
        for planned in _memory(params, facts, scene):
            if isinstance(planned, Artifact):
                memory.append(planned)
            else:
                yield planned
        if not definitions and not memory:
            raise Unplannable(tr("nothing is left that could be collected"))
        patient = bool(memory) or any(definition.volatility in PATIENT for definition in definitions)
        deadline = known.profiles[params.profile].deadline.total_seconds() if params.profile else CUSTOM_DEADLINE
        collection = Collection(
            profile=params.profile or CUSTOM,
            artifacts=tuple(_artifacts(definitions, memory, params.nice)),
            compress="never" if params.compress == "auto" and not patient else params.compress,
            rate=params.rate,
            deadline=deadline + sum(artifact.deadline for artifact in memory),
        )
        if params.toolkit == "none":
            yield collection
            return
        toolkit = toolkit_of(params.toolkit, facts.toolkit, (n for d in definitions for n in d.own_tools()))
        yield from read_with(toolkit, facts.toolkit, facts.machine, collection, scene.on.name)

    def appendix(self) -> Iterator[str]:
        """Yield the artifacts of each profile; a shared artifact is listed under the first profile only."""
        known = shipped()
        told: set[str] = set()
        for name, profile in known.profiles.items():
            yield f"Profile `{name}`. {profile.about}"
            yield f"Within {format_duration(profile.deadline)}, in this order{_besides(profile.includes)}:"
            yield ""
            fresh = [definition for definition in known.profile(name) if definition.id not in told]
            told.update(definition.id for definition in fresh)
            yield from table(fresh)
            yield ""


def _catalogue(own: str | None) -> Catalogue:
    return shipped() if own is None else with_own(Path(own))


def _definitions(params: CollectParams, known: Catalogue) -> tuple[Definition, ...]:
    of_profile = (definition.id for definition in known.profile(params.profile)) if params.profile else ()
    return known.chosen((*of_profile, *params.artifacts))


def _memory(params: CollectParams, facts: CollectFacts, scene: Scene) -> Iterator[Planned | Artifact]:
    if params.memory != "none" and facts.memory is not None:
        wanted = Wanted(params.memory, params.memory_cap, params.memory_deadline.total_seconds())
        yield from image(wanted, facts.memory, facts.memory_tool, facts.machine, scene, facts.system.uid)


def _artifacts(definitions: Iterable[Definition], memory: Iterable[Artifact], nice: int) -> Iterator[Artifact]:
    """Yield the artifacts in order, memory before patient artifacts; from memory on, scripts run under nice(1)."""
    gently = f"nice={nice}\n{shell('gently')}" if nice else ""
    hasty = [definition.artifact() for definition in definitions if definition.volatility not in PATIENT]
    patient = [definition.artifact() for definition in definitions if definition.volatility in PATIENT]
    yield from hasty
    for artifact in (*memory, *patient):  # each artifact may be the first of a resumed collection
        yield artifact.model_copy(update={"script": f"{gently}{artifact.script}"})


def _besides(included: tuple[str, ...]) -> str:
    return f", besides those of {' and '.join(f'`{name}`' for name in included)}" if included else ""
