"""What evidence is collected, and why: an artifact as data, before it becomes a script."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from orchestrator.task import Artifact
from tasks.evidence.source import AnySource, shell


class Definition(BaseModel):
    """One artifact: what it reads, one source after the other, and what for."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    id: str
    about: str
    """What it holds and what it is good for, in one sentence or two."""
    reads: tuple[AnySource, ...]
    suffix: str = "txt"
    deadline: float = 20.0
    """Seconds."""
    cap: int = 64 << 20
    """Bytes."""
    races: bool = False
    """It reads what comes and goes meanwhile, so that something missing is no error."""

    def artifact(self) -> Artifact:
        """Give it with its script, which stands alone: it needs nothing but a POSIX shell and what it names."""
        libraries = dict.fromkeys(name for source in self.reads for name in source.libraries())
        script = "\n".join(
            [
                "s=0 nl='\n'",
                *map(shell, libraries),
                *(source.script() for source in self.reads),
                f"exit {0 if self.races else '$s'}",
            ]
        )
        return Artifact(
            id=self.id,
            about=self.about,
            script=script,
            suffix=self.suffix,
            deadline=self.deadline,
            cap=self.cap,
        )


def table(definitions: Iterable[Definition]) -> str:
    """List the artifacts for a reader: the id, and what it is about."""
    return "\n".join(f"- `{definition.id}`: {definition.about}" for definition in definitions)
