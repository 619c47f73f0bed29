"""The definition of an artifact as data: sources, purpose and references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.task import Artifact
from stopgap.orchestrator.technique import Technique
from stopgap.tasks.evidence.source import AnySource, Run, Size, Some, shell

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Volatility: TypeAlias = Literal["running", "boot", "times", "disk"]
"""Lifetime of the evidence: `running` until the end of a process or connection, `boot` until a restart, `times` until
files are read, since reading changes access times, `disk` until overwritten. Order of collection (RFC 3227, 2.1).
"""
VOLATILITIES: tuple[Volatility, ...] = ("running", "boot", "times", "disk")
System: TypeAlias = Literal["linux", "systemd", "dpkg", "rpm", "apk", "containers", "web", "desktop", "cloud", "efi"]
"""Requirements on a host, for readers only: the scripts test for themselves, since a host's word must not decide the
evidence collected.
"""
EARLIER_KEYS = {"known": "references"}
"""Keys of artifacts in earlier versions → their replacements."""
Sentence: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\S.*\.$")]


class Definition(BaseModel):
    """An artifact: sources read in order, purpose and references."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    id: Name = Field(description="Lower-case words joined by `-`")
    about: Sentence = Field(description="Content of the artifact, in a sentence or two")
    why: Sentence = Field(description="Value for an investigator")
    references: tuple[Annotated[str, StringConstraints(pattern=r"^\S.*\S$")], ...] = Field(
        min_length=1, description="References: a manual, a standard, a URL"
    )
    tags: tuple[Technique, ...] = Field(
        (), description="Techniques of MITRE ATT&CK with traces in the artifact, such as `attack.t1053.003`"
    )
    systems: Some[System] = ("linux",)
    """Any of these systems."""
    volatility: Volatility = Field(description="Lifetime of the evidence")
    tables: tuple[str, ...] = ()
    """Tables of findings with this artifact as input (`stopgap.orchestrator.findings.tables`)."""
    reads: Some[AnySource] = Field(description="Sources read by the artifact")
    suffix: Literal["txt", "body", "tar"] = "txt"
    deadline: Duration = Field(timedelta(seconds=20), ge=timedelta(milliseconds=100), le=timedelta(hours=1))
    cap: Size = 64 << 20
    """Bytes."""
    races: bool = False
    """True for volatile sources: a source missing meanwhile is no error."""

    def own_tools(self) -> Iterator[str]:
        """Yield the host's own tools needed by the artifact."""
        for source in self.reads:
            if isinstance(source, Run):
                yield from (line.partition(" ")[0] for alternatives in source.commands for line in alternatives)

    def artifact(self) -> Artifact:
        """Return the artifact with a self-contained script: a POSIX shell and the named tools are enough."""
        libraries = dict.fromkeys(("needs", *(name for source in self.reads for name in source.libraries())))
        script = "\n".join(
            [
                "s=0 nl='\n'",
                *map(shell, libraries),
                *(source.script() for source in self.reads),
                '[ "$s" = 127 ] || s=0\nexit "$s"' if self.races else "exit $s",
            ]
        )
        return Artifact(
            id=self.id,
            about=self.about,
            script=script,
            suffix=self.suffix,
            deadline=self.deadline.total_seconds(),
            cap=self.cap,
        )


def table(definitions: Iterable[Definition]) -> Iterator[str]:
    """Yield a Markdown list of artifacts: id, content and value for an investigation."""
    for definition in definitions:
        yield f"- `{definition.id}`: {definition.about} {definition.why}"
