"""A question to a person, and the parser of the answer: one typed line, equal on every terminal."""

from __future__ import annotations

import re
import shlex
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stopgap.orchestrator.decision import EXPECTED, Decision, parse_decisions, written_decisions
from stopgap.orchestrator.hosttext import EscapedText, is_plain
from stopgap.orchestrator.source import Unfit, did_you_mean, quoted
from stopgap.orchestrator.text import tr

AnswerType: TypeAlias = Literal["yes-no", "text", "ticket", "choice", "amount", "date", "decisions"]
AnswerValue: TypeAlias = bool | str | Decimal | date | datetime
"""The answer as seen by a later step."""

_LONGEST = 500
_LONGEST_DECISIONS = 20_000
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

    text: EscapedText
    reason: EscapedText
    text_ja: EscapedText = ""
    """The same text in Japanese; empty without a translation."""
    reason_ja: EscapedText = ""
    type: AnswerType = "yes-no"
    choices: tuple[str, ...] = ()
    currency: str = ""
    items: tuple[str, ...] = ()
    """The ids to decide on, of the type `decisions`; the reason shows the numbered list."""
    phrase: str = ""
    """The words to type instead of yes, for a step that opens something: a stray `yes` has no effect."""
    default: str | None = None
    """The answer after the timeout, and the answer of `--yes`."""
    timeout: float | None = Field(None, gt=0)
    """Timeout for an answer, in seconds; `None`: unlimited."""
    no_refuses: bool = True
    """A `no` ends the step as refused, and is not handed on as an answer."""
    rebuilt: str = ""
    """The choice that says the target was rebuilt: findings of earlier looks are history then."""
    cause: bool = False
    """The answer names the way in: the cause in a report."""
    refusing: tuple[str, ...] = ()
    """Further choices with the effect of a refusal."""

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError(tr("`choices` belong to the type `choice`, which needs them"))
        if not {*self.refusing, *filter(None, (self.rebuilt,))} <= set(self.choices):
            raise ValueError(tr("`refusing` and `rebuilt` name `choices`"))
        if self.currency and self.type != "amount":
            raise ValueError(tr("`currency` belongs to the type `amount`"))
        if (self.type == "decisions") != bool(self.items):
            raise ValueError(tr("`items` belong to the type `decisions`, which needs them"))
        if self.phrase and (self.type != "yes-no" or self.default is not None):
            raise ValueError(tr("`phrase` is for the type `yes-no` without a default"))
        if self.phrase and self.phrase.lower() in _WORDS:
            raise ValueError(tr("`phrase` is more than a yes or no"))
        if self.default is not None:
            try:
                self.read(self.default)
            except Unfit as unfit:
                raise ValueError(
                    tr(
                        "the default is no answer: {message}, expected {expected}",
                        message=unfit.message,
                        expected=unfit.expected,
                    )
                ) from None
        return self

    @property
    def expected(self) -> str:
        """Return the expected form of an answer."""
        return {
            "yes-no": tr('the words "{phrase}", or no', phrase=self.phrase) if self.phrase else tr("yes or no"),
            "text": tr("text on one line"),
            "ticket": tr("a ticket's number"),
            "choice": tr("one of {choices}", choices=", ".join(self.choices)),
            "amount": tr(
                "an amount{rest}, such as 120 or 99.50",
                rest=tr(" in {currency}", currency=self.currency) if self.currency else "",
            ),
            "date": tr("a date, such as 2026-11-25 or 2026-11-25T21:15+09:00"),
            "decisions": EXPECTED,
        }[self.type]

    @property
    def argument(self) -> str:
        """Return an example of an answer as an argument of `stopgap answer`, quoted for the shell."""
        if self.type == "decisions":
            return tr("'1-3 gone; 4 accepted: REASON; rest open'")
        return shlex.quote(self.phrase) if self.phrase else "VALUE"

    def refuses(self, answer: str) -> bool:
        """Return True if an answer, as returned by `read`, ends the step."""
        if self.type == "decisions":
            return any(each.word == "open" for each in self.decisions(answer))
        return answer in self.refusing or (self.type == "yes-no" and self.no_refuses and answer == "no")

    def by_itself(self) -> str | None:
        """Return the answer of `--yes`: the default; without a default, yes to a decision and no other answer."""
        if self.phrase:
            return None
        return self.default if self.default is not None else "yes" if self.type == "yes-no" else None

    def decisions(self, answer: str) -> tuple[Decision, ...]:
        """Return the decisions of an answer of the type `decisions`, one for each item; raises Unfit."""
        return parse_decisions(answer, self.items)

    def read(self, text: str) -> str:
        """Parse an answer into its canonical form; raises Unfit."""
        line = text.strip()
        longest = _LONGEST_DECISIONS if self.type == "decisions" else _LONGEST
        if not line or len(line) > longest or not is_plain(line):
            raise Unfit(
                tr("an empty answer") if not line else tr("{line} does not fit", line=quoted(line[:40])),
                self.expected,
            )
        if self.type == "decisions":
            return written_decisions(self.decisions(line))
        if self.type == "yes-no":
            if self.phrase and " ".join(line.lower().split()) == self.phrase.lower():
                return "yes"
            if line.lower() not in _WORDS or (self.phrase and _WORDS[line.lower()]):
                raise Unfit(tr("{line} is neither", line=quoted(line)), self.expected)
            return "yes" if _WORDS[line.lower()] else "no"
        if self.type == "choice":
            if line not in self.choices:
                raise Unfit(
                    tr("{line} is no choice", line=quoted(line)), self.expected, did_you_mean(line, self.choices)
                )
            return line
        if self.type == "ticket" and not _TICKET.fullmatch(line):
            raise Unfit(tr("{line} is no ticket", line=quoted(line)), self.expected)
        if self.type == "amount":
            line = line.removesuffix(self.currency).strip().replace(",", "") if self.currency else line
            if not _AMOUNT.fullmatch(line):
                raise Unfit(tr("{line} is no amount", line=quoted(line)), self.expected)
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
        raise Unfit(tr("{text} is no date", text=quoted(text)), expected) from None
    if moment.tzinfo is None:
        raise Unfit(tr("{text} says no time zone", text=quoted(text)), expected)
    return moment
