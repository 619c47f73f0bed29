"""A parsed runbook: parameters and steps, each with its position in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.host import Vantage
from stopgap.orchestrator.outcome import CARRIED_OUT, DONE, Outcome, PlannedOutcome
from stopgap.orchestrator.runbook.expression import references
from stopgap.orchestrator.runbook.models import OnFailure
from stopgap.orchestrator.runbook.paramtype import PARAM_TYPES, ParamType
from stopgap.orchestrator.source import Loc, Located, Unfit, did_you_mean, quoted

if TYPE_CHECKING:
    from stopgap.orchestrator.question import AnswerValue


@dataclass(frozen=True)
class Param:
    """A declared parameter."""

    name: str
    type_name: str
    description: str
    required: bool
    default: Any
    choices: tuple[str, ...]
    description_ja: str = ""

    @property
    def type(self) -> ParamType:
        """The type of the parameter."""
        return PARAM_TYPES[self.type_name]

    @property
    def sample(self) -> Any:  # noqa: ANN401
        """A sample value of the type, for a check without a run."""
        return self.choices[0] if self.choices else self.type.sample

    def accept(self, value: object, *, from_text: bool = False) -> Any:  # noqa: ANN401
        """Parse a value of a runbook, the journal, or the command line; raises Unfit."""
        if value is None and not self.required and not from_text and self.default is None:
            return None
        accepted = self.type.from_text(str(value)) if from_text else self.type.from_yaml(value)
        if self.choices and accepted not in self.choices:
            hint = did_you_mean(str(accepted), self.choices)
            raise Unfit(f"{quoted(accepted)} is no choice", f"one of {', '.join(self.choices)}", hint)
        return accepted


@dataclass(frozen=True)
class Retry:
    """`attempts` in all, with `pause` seconds between attempts."""

    attempts: int = 1
    pause: float = 5.0


@dataclass(frozen=True)
class StepResult:
    """The result of a step for later steps, free of text from hosts."""

    outcome: Outcome | PlannedOutcome
    answer: AnswerValue | None = None
    """A person's answer; `None` without a question."""
    sampled: bool = False
    """Nobody has answered yet, and a sample of the answer's type stands in."""

    @property
    def changed(self) -> bool:
        """True if the step changed something, or would."""
        return self.outcome in {Outcome.CHANGED, PlannedOutcome.WOULD_CHANGE}

    @property
    def succeeded(self) -> bool:
        """True if the step succeeded."""
        return self.outcome in DONE | CARRIED_OUT


@dataclass(frozen=True)
class Step:
    """One step, with defaults filled in."""

    id: str
    name: str
    task: str
    with_: Mapping[str, Any]
    """Not rendered yet."""
    on: Vantage | None
    when: str | bool | None
    foreach: str | list[Any] | None
    needs: tuple[str, ...]
    retry: Retry
    timeout: float | None
    """Seconds."""
    on_failure: OnFailure
    confirm: str | None
    may_shut_down: bool
    """The runbook allows a shutdown of the host, with a reason."""
    document: Located = field(repr=False, compare=False)
    loc: Loc = field(repr=False)
    """The position in the document."""
    name_ja: str = ""

    @cached_property
    def uses_results(self) -> bool:
        """True if an expression of the step reads `steps`, the results of earlier steps."""
        given: list[tuple[object, bool]] = [(self.with_, False)]
        given += [(value, isinstance(value, str)) for value in (self.when, self.foreach)]
        return any(("steps",) in references(value, expression=is_one) for value, is_one in given)


@dataclass(frozen=True)
class Runbook:
    """A runbook: parameters and steps, in order.

    >>> import stopgap
    >>> contain = stopgap.load_runbook("contain")
    >>> contain.params["expires"].default
    datetime.timedelta(days=3)
    >>> [step.id for step in contain.steps if step.task == "traffic.block"]
    ['cut-off']
    """

    name: str
    description: str
    params: Mapping[str, Param]
    steps: tuple[Step, ...]
    shutdown_reason: str | None
    """The reason for allowing a shutdown; `None`: not allowed."""
    document: Located = field(repr=False, compare=False)
    name_ja: str = ""
    description_ja: str = ""
    approve: int = 1
    """How many people a run takes, the one who begins the run included."""

    @property
    def japanese(self) -> dict[str, str]:
        """Return the runbook's texts with their Japanese translations, parameters and steps too, as far as given."""
        said = [(self.name, self.name_ja), *((step.name, step.name_ja) for step in self.steps)]
        said += [(self.description, self.description_ja)]
        said += [(param.description, param.description_ja) for param in self.params.values()]
        return {text: text_ja for text, text_ja in said if text_ja}

    @property
    def text(self) -> str:
        """The text of the file, sufficient to parse the runbook again."""
        return self.document.text

    @property
    def path(self) -> str:
        """The path of the file, as given."""
        return self.document.path

    def dump_params(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return typed values in JSON form, for the journal."""
        return {
            name: None if value is None else self.params[name].type.to_json(value) for name, value in values.items()
        }

    def load_params(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parse the output of `dump_params`; raises Unfit, or KeyError for an undeclared name."""
        return {name: self.params[name].accept(value) for name, value in values.items()}


def seconds(duration: timedelta | None) -> float | None:
    """Return a duration in seconds; no duration stays absent."""
    return None if duration is None else duration.total_seconds()
