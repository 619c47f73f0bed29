"""A question to a person, and the parser of the answer: one typed line, equal on every terminal."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stopgap.orchestrator.hosttext import is_plain
from stopgap.orchestrator.source import Unfit, did_you_mean, quoted

AnswerType: TypeAlias = Literal["yes-no", "text", "ticket", "choice", "amount", "date"]
AnswerValue: TypeAlias = bool | str | Decimal | date | datetime
"""The answer as seen by a later step."""

_LONGEST = 500
_TICKET = re.compile(r"[A-Za-z0-9#][A-Za-z0-9._/#:-]{0,63}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
_WORDS = {
    "yes": True,
    "y": True,
    "true": True,
    "はい": True,
    "no": False,
    "n": False,
    "false": False,
    "いいえ": False,
}


class Question(BaseModel):
    """A decision or a report required from a person before the run continues."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    text: str
    reason: str
    text_ja: str = ""
    """The same text in Japanese; empty without a translation."""
    reason_ja: str = ""
    type: AnswerType = "yes-no"
    choices: tuple[str, ...] = ()
    currency: str = ""
    default: str | None = None
    """The answer after the timeout, and the answer of `--yes`."""
    timeout: float | None = Field(None, gt=0)
    """Timeout for an answer, in seconds; `None`: unlimited."""
    no_refuses: bool = True
    """A `no` ends the step as refused, and is not handed on as an answer."""
    refusing: tuple[str, ...] = ()
    """Further choices with the effect of a refusal."""

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("`choices` belong to the type `choice`, which needs them")
        if not set(self.refusing) <= set(self.choices):
            raise ValueError("`refusing` names `choices`")
        if self.currency and self.type != "amount":
            raise ValueError("`currency` belongs to the type `amount`")
        if self.default is not None:
            try:
                self.read(self.default)
            except Unfit as unfit:
                raise ValueError(f"the default is no answer: {unfit.message}, expected {unfit.expected}") from None
        return self

    @property
    def expected(self) -> str:
        """Return the expected form of an answer."""
        return {
            "yes-no": "yes or no",
            "text": "text on one line",
            "ticket": "a ticket's number",
            "choice": f"one of {', '.join(self.choices)}",
            "amount": f"an amount{f' in {self.currency}' if self.currency else ''}, such as 120 or 99.50",
            "date": "a date, such as 2026-11-25 or 2026-11-25T21:15+09:00",
        }[self.type]

    def refuses(self, answer: str) -> bool:
        """Return True if an answer, as returned by `read`, ends the step."""
        return answer in self.refusing or (self.type == "yes-no" and self.no_refuses and answer == "no")

    def by_itself(self) -> str | None:
        """Return the answer of `--yes`: the default; without a default, yes to a decision and no other answer."""
        return self.default if self.default is not None else "yes" if self.type == "yes-no" else None

    def read(self, text: str) -> str:
        """Parse an answer into its canonical form; raises Unfit."""
        line = text.strip()
        if not line or len(line) > _LONGEST or not is_plain(line):
            raise Unfit("an empty answer" if not line else f"{quoted(line[:40])} does not fit", self.expected)
        if self.type == "yes-no":
            if line.lower() not in _WORDS:
                raise Unfit(f"{quoted(line)} is neither", self.expected)
            return "yes" if _WORDS[line.lower()] else "no"
        if self.type == "choice":
            if line not in self.choices:
                raise Unfit(f"{quoted(line)} is no choice", self.expected, did_you_mean(line, self.choices))
            return line
        if self.type == "ticket" and not _TICKET.fullmatch(line):
            raise Unfit(f"{quoted(line)} is no ticket", self.expected)
        if self.type == "amount":
            line = line.removesuffix(self.currency).strip().replace(",", "") if self.currency else line
            if not _AMOUNT.fullmatch(line):
                raise Unfit(f"{quoted(line)} is no amount", self.expected)
        if self.type == "date":
            return _date(line, self.expected).isoformat()
        return line

    def value(self, answer: str) -> AnswerValue:
        """Return the result of `read` as a typed value."""
        if self.type == "yes-no":
            return answer == "yes"
        if self.type == "amount":
            return Decimal(answer)
        return _date(answer, self.expected) if self.type == "date" else answer

    def sample(self) -> AnswerValue:
        """Return a sample value, for plan and checks of later steps without an answer."""
        if self.default is not None:
            return self.value(self.read(self.default))
        samples: dict[AnswerType, AnswerValue] = {
            "yes-no": True,
            "choice": self.choices[0] if self.choices else "",
            "amount": Decimal(0),
            "date": date(2000, 1, 1),
        }
        return samples.get(self.type, "answer")


def _date(text: str, expected: str) -> date | datetime:
    try:
        if len(text) <= len("2026-11-25"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit(f"{quoted(text)} is no date", expected) from None
    if moment.tzinfo is None:
        raise Unfit(f"{quoted(text)} says no time zone", expected)
    return moment
