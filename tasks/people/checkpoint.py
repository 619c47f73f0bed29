"""Asking a person before the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.japanese import flowing
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Facts, Parameters, Planned, Probe, Task
from stopgap.orchestrator.text import tr


def _as_typed(value: object) -> object:
    """Convert a YAML boolean or number in `default` to text: `no` becomes "no", `3` becomes "3"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


class CheckpointParams(Parameters):
    """The question, the reason, and the type of the answer."""

    ask: str = Field(min_length=1, description="The question.")
    reason: str = Field(min_length=1, description="Why a person has to decide it; shown with the question.")
    ask_ja: str = Field("", description="The question in Japanese: in papers, and at a terminal in that language.")
    reason_ja: str = Field("", description="The reason in Japanese.")
    type: Literal["yes-no", "text", "ticket", "choice", "amount", "date"] = Field(
        "yes-no",
        description="What an answer is: yes or no, a line of text, a ticket's number, one of `choices`, an amount,"
        " or a date, with time and offset from UTC or without. Later steps see it as `steps.ID.answer`:"
        " true or false, text, a number, a date.",
    )
    choices: tuple[str, ...] = Field((), description="For the type `choice`: what it can be.")
    refusing: tuple[str, ...] = Field((), description="Those of the `choices` that end the step as refused.")
    rebuilt: str = Field(
        "",
        description="The one of the `choices` that says the host was rebuilt: what was found on it before is history,"
        " and only later looks count.",
    )
    cause: bool = Field(
        False, description="For the type `text`: the answer is the way in, and stands in the report as the cause."
    )
    currency: str = Field("", max_length=10, description="For the type `amount`: of what, such as JPY.")
    default: Annotated[str | None, BeforeValidator(_as_typed)] = Field(
        None, description="The answer of `--yes`, and of nobody when the time is over. Default: yes, of `yes-no`;"
        " of any other type none, so that `--yes` is refused.",
    )  # fmt: skip
    time_limit: Duration | None = Field(
        None,
        gt=timedelta(0),
        description="How long to wait for an answer; then the `default` counts, and without one the step is refused.",
    )
    phrase: str = Field(
        "",
        max_length=60,
        description="For the type `yes-no`: the words to type instead of `yes`, such as `lift web`; for a step that"
        " opens something.",
    )
    on_no: Literal["refuse", "answer"] = Field(
        "refuse", description="Whether a `no` ends the step as refused, or is an answer like any other."
    )

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        try:
            question(self)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        if self.on_no == "answer" and self.type != "yes-no":
            raise ValueError(tr("`on_no` is for the type `yes-no`"))
        return self


class CheckpointFacts(Facts):
    """No facts."""


class Checkpoint(Task[CheckpointParams, CheckpointFacts]):
    """Ask a person before the run goes on.

    The question appears at the terminal; `stopgap answer RUN STEP` also accepts an answer. The journal records the
    answer, the person and the time. `--yes` answers with the default; without a terminal, `--wait` waits for `stopgap
    answer`.
    """

    name = "checkpoint"
    vantages = ("controller",)
    may_ask = True

    def probe(self, params: CheckpointParams, scene: Scene) -> Probe:
        """Nothing."""
        return {}

    def asks(self, params: CheckpointParams) -> Question:
        """Give the question."""
        return question(params)

    def plan(self, params: CheckpointParams, facts: CheckpointFacts, scene: Scene) -> Iterator[Planned]:
        """Give the question."""
        yield question(params)


def question(params: CheckpointParams) -> Question:
    """Return the question; raises ValidationError for inconsistent parameters."""
    return Question(
        text=params.ask,
        reason=params.reason,
        text_ja=flowing(params.ask_ja),
        reason_ja=flowing(params.reason_ja),
        type=params.type,
        choices=params.choices,
        refusing=params.refusing,
        rebuilt=params.rebuilt,
        cause=params.cause,
        currency=params.currency,
        phrase=params.phrase,
        default=params.default,
        timeout=params.time_limit.total_seconds() if params.time_limit else None,
        no_refuses=params.on_no == "refuse",
    )
