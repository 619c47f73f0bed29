"""A runbook that was read: its parameters and steps, and where each of them stands in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.host import Vantage
from stopgap.orchestrator.runbook.expression import references
from stopgap.orchestrator.runbook.models import OnFailure
from stopgap.orchestrator.runbook.paramtype import PARAM_TYPES, ParamType
from stopgap.orchestrator.source import Loc, Located, Unfit, did_you_mean, quoted

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.records import Outcome, PlannedOutcome
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
        """Its type."""
        return PARAM_TYPES[self.type_name]

    @property
    def sample(self) -> Any:  # noqa: ANN401
        """A value of its type, for a check without a run."""
        return self.choices[0] if self.choices else self.type.sample

    def accept(self, value: object, *, from_text: bool = False) -> Any:  # noqa: ANN401
        """Read a value of a runbook or the journal, or the text of the command line; raises Unfit."""
        if value is None and not self.required and not from_text and self.default is None:
            return None
        accepted = self.type.from_text(str(value)) if from_text else self.type.from_yaml(value)
        if self.choices and accepted not in self.choices:
            hint = did_you_mean(str(accepted), self.choices)
            raise Unfit(f"{quoted(accepted)} is no choice", f"one of {', '.join(self.choices)}", hint)
        return accepted


@dataclass(frozen=True)
class Retry:
    """`attempts` in all, `pause` seconds between them."""

    attempts: int = 1
    pause: float = 5.0


@dataclass(frozen=True)
class StepResult:
    """What later steps may know of a step; of the host's own words, nothing."""

    outcome: Outcome | PlannedOutcome
    answer: AnswerValue | None = None
    """What a person answered; None where nobody was asked."""
    sampled: bool = False
    """Nobody has answered yet, and a sample of the answer's type stands in."""

    @property
    def changed(self) -> bool:
        """It changed something, or would."""
        return self.outcome in {"changed", "would-change"}

    @property
    def succeeded(self) -> bool:
        """It ended as it was meant to."""
        return self.outcome in {"changed", "would-change", "unchanged"}


@dataclass(frozen=True)
class Step:
    """One step, with its defaults filled in."""

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
    """The runbook allows it to bring a host down, and says why."""
    document: Located = field(repr=False, compare=False)
    loc: Loc = field(repr=False)
    """Its place in the document."""
    name_ja: str = ""

    @cached_property
    def uses_results(self) -> bool:
        """It hangs on how earlier steps end: an expression of what it is given names `steps`."""
        given: list[tuple[object, bool]] = [(self.with_, False)]
        given += [(value, isinstance(value, str)) for value in (self.when, self.foreach)]
        return any(("steps",) in references(value, expression=is_one) for value, is_one in given)


@dataclass(frozen=True)
class Runbook:
    """What to do, in order."""

    name: str
    description: str
    params: Mapping[str, Param]
    steps: tuple[Step, ...]
    shutdown_reason: str | None
    """Why its steps may bring a host down; None: they may not."""
    document: Located = field(repr=False, compare=False)
    name_ja: str = ""
    description_ja: str = ""

    @property
    def japanese(self) -> dict[str, str]:
        """Give its words, and those of its parameters and steps → the same in Japanese, where the file has it."""
        said = [(self.name, self.name_ja), *((step.name, step.name_ja) for step in self.steps)]
        said += [(self.description, self.description_ja)]
        said += [(param.description, param.description_ja) for param in self.params.values()]
        return {text: text_ja for text, text_ja in said if text_ja}

    @property
    def text(self) -> str:
        """The file's text, from which it can be read again."""
        return self.document.text

    @property
    def path(self) -> str:
        """The file's path as it was given."""
        return self.document.path

    def dump_params(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Write typed values as JSON has them, for the journal."""
        return {
            name: None if value is None else self.params[name].type.to_json(value) for name, value in values.items()
        }

    def load_params(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Read back what `dump_params` wrote; raises Unfit, or KeyError for a name that is not declared."""
        return {name: self.params[name].accept(value) for name, value in values.items()}


def seconds(duration: timedelta | None) -> float | None:
    """Give a duration's length, None for none."""
    return None if duration is None else duration.total_seconds()
