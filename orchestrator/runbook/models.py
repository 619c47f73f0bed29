"""The schema of a runbook file. Editors show the descriptions of fields."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.host import Vantage
from stopgap.orchestrator.source import Unfit, quoted

OnFailure: TypeAlias = Literal["stop", "continue", "undo"]
ParamTypeName: TypeAlias = Literal[
    "string", "text", "integer", "number", "boolean", "email", "url", "host", "address", "addresses", "network",
    "networks", "duration", "list", "choice", "path", "secret",
]  # fmt: skip


def _one_line(text: str) -> str:
    if not text.strip() or not text.replace("\u3000", " ").isprintable():
        raise Unfit(f"{quoted(text)} is not shown as a title", "words on one line")
    return text


def _no_template(text: str) -> str:
    if "{{" in text or "{%" in text:
        raise Unfit(f"{quoted(text)} is shown as it is written", "words without a template")
    return text


Words = Annotated[str, StringConstraints(min_length=1), AfterValidator(_no_template)]
Line = Annotated[str, AfterValidator(_one_line), AfterValidator(_no_template)]
StepId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class ParamEntry(_Entry):
    """A value given to a run with `-p NAME=VALUE`, or a default."""

    type: ParamTypeName = Field(description="What it has to be")
    description: str = Field("", description="What it is for")
    description_ja: str = Field("", description="The same in Japanese, for papers in that language")
    default: Any = Field(None, description="Its value where none is given; without a default it has to be given")
    choices: tuple[str, ...] | None = Field(None, description="For the type `choice`: what it can be", min_length=1)


class RetryEntry(_Entry):
    """The number of attempts at a step, and the pause between attempts."""

    attempts: int = Field(ge=1, le=20, description="Attempts in all, the first included")
    pause: Duration = Field(timedelta(seconds=5), description="Time between two attempts")


class StepEntry(_Entry):
    """One step: a task with parameters, vantage, conditions and failure handling."""

    id: StepId | None = Field(None, description="Name for `needs`, `steps.ID` and `undo --step`; default: the task's")
    name: Line | None = Field(None, description="What it does, in words; default: what the task says of itself")
    name_ja: Line | None = Field(None, description="The same in Japanese, for papers in that language")
    task: str = Field(description="What to do; `stopgap tasks` lists them")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="The task's parameters")
    on: Vantage | None = Field(None, description="Where it acts; default: the first that the task and target allow")
    when: str | bool | None = Field(None, description="Expression; where it is false, the step is skipped")
    foreach: str | list[Any] | None = Field(
        None, description="List, or expression that gives one; the step is done for each `item` of it"
    )
    needs: tuple[str, ...] = Field((), description="Ids of earlier steps that have to succeed first")
    retry: Annotated[int, Field(ge=1, le=20)] | RetryEntry | None = Field(
        None, description="Attempts in all, alone or with a pause between them"
    )
    timeout: Duration | None = Field(None, description="Time after which the step has failed")
    on_failure: OnFailure = Field(
        "stop",
        description="stop: the target's later steps are skipped; continue: they go on; "
        "undo: what the run has changed for the target is taken back",
    )
    confirm: Words | None = Field(None, description="Question that a person answers before the step")


class RunbookFile(_Entry):
    """The response to an incident, as steps in order."""

    name: Line = Field(description="What it is for, in words")
    name_ja: Line | None = Field(None, description="The same in Japanese, for papers in that language")
    description: str = Field("", description="More about it")
    description_ja: str = Field("", description="The same in Japanese, for papers in that language")
    params: dict[str, ParamEntry] = Field(default_factory=dict, description="What a run is given")
    steps: list[StepEntry] = Field(min_length=1, description="What to do, in order")
    allow_shutdown: bool = Field(False, description="Steps may shut a host down or restart it; needs a `reason`")
    approve: int = Field(
        1,
        ge=1,
        le=9,
        description="How many people a run takes, the one who begins it included; more than 1 needs roles.yaml",
    )
    reason: str | None = Field(
        None, min_length=1, description="Why hosts may be shut down: they may not come up again"
    )
