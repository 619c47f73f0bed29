"""Running any command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, AliasChoices, Field, StringConstraints, model_validator

from stopgap.orchestrator.change import Command, Expectation, RunCommands
from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.facts import ABSENT, File, FileFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.task import Facts, Note, Parameters, Planned, Probe, Task
from stopgap.orchestrator.text import tr


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError(tr("a NUL byte cannot stand in a command"))
    return text


Word = Annotated[str, AfterValidator(_without_nul)]
Argv = Annotated[tuple[Word, ...], Field(min_length=1)]


class HostCommandParams(Parameters):
    """The command, and a description of the effect: undo, expectation, read-only or not."""

    argv: Argv = Field(
        description="The command as a list of words; no shell splits or expands them. For a pipe: [sh, -c, '…']."
    )
    undo: Argv | None = Field(
        default=None, description="The undo command, safe to repeat. Default: no undo is known."
    )
    stands: Argv | None = Field(
        default=None,
        description="A read-only command with success as long as the result of the command is unchanged. After "
        "a failure, the undo leaves the host unchanged and reports the drift. Default: no check.",
    )
    stdin: Word | None = Field(default=None, description="Text for the command's standard input; default: none.")
    reads: bool = Field(default=False, description="The command is read-only, without an undo. Not run in a dry run.")
    expect: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(min_length=1)] = Field(
        default=(0,), description="Exit statuses counted as success."
    )
    rollback_timer: Duration | None = Field(
        default=None,
        validation_alias=AliasChoices("rollback_timer", "lifeline"),
        ge=timedelta(seconds=1),
        le=timedelta(hours=1),
        description="The command may cut you off: the host runs `undo` by itself after this time, unless a new "
        "connection confirms. Needs `undo`.",
    )
    creates: Annotated[str, StringConstraints(pattern=r"^/")] | None = Field(
        default=None, description="An absolute path; if the path exists, the command is not run."
    )

    @model_validator(mode="after")
    def _undo_of_nothing(self) -> Self:
        if self.reads and self.undo is not None:
            raise ValueError(tr("a command that only reads has no undo: give `reads` or `undo`, not both"))
        if self.stands is not None and self.undo is None:
            raise ValueError(tr("`stands` is asked before `undo`: give one"))
        if self.rollback_timer is not None and self.undo is None:
            raise ValueError(tr("`rollback_timer` runs `undo`: give one"))
        return self


class HostCommandFacts(Facts):
    """Facts of the file at `creates`."""

    created: FileFact = ABSENT


class HostCommand(Task[HostCommandParams, HostCommandFacts]):
    """Run a command.

    The effect cannot be predicted: without `undo` and without `reads: true`, the change is shown as opaque.
    """

    name = "host.command"
    vantages = ("target", "upstream", "spare", "controller")

    def probe(self, params: HostCommandParams, scene: Scene) -> Probe:
        """Look at `creates`."""
        return {"created": File(params.creates)} if params.creates else {}

    def plan(self, params: HostCommandParams, facts: HostCommandFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the command, unless the file at `creates` exists."""
        if params.creates and facts.created.kind != "absent":
            yield Note(text=tr("{creates} is there already", creates=params.creates))
            return
        opaque = params.undo is None and not params.reads
        undo = () if params.reads else None if params.undo is None else (Command(argv=params.undo),)
        yield RunCommands(
            about=tr("read with {command}", command=join(params.argv))
            if params.reads
            else tr("run {command}", command=join(params.argv)),
            do=(Command(argv=params.argv, stdin=params.stdin, ok=params.expect),),
            undo=undo,
            undo_about=tr("nothing to undo, it only reads") if params.reads else "",
            expects=_expectation(params.stands) if params.stands else None,
            reads=params.reads,
            opaque=opaque,
            rollback_timer=params.rollback_timer.total_seconds() if params.rollback_timer else None,
        )


def _expectation(stands: Argv) -> Expectation:
    """Return the expectation of a successful command, whatever the output."""
    look = f"if {join(stands)} >/dev/null 2>&1; then echo stands; else echo changed; fi"
    return Expectation(look=Command(argv=("sh", "-c", look)), left=("stands",))
