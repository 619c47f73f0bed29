"""A duty to notify: addressee, basis, deadline, and what the notice has to say. Data only."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from stopgap.orchestrator.language import Language
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.timezone import TimeZone

Detail: TypeAlias = Literal[
    "summary", "host", "service", "reporter", "seen_at", "data", "people", "cause", "harm", "told", "measures",
    "publication", "prevention",
]  # fmt: skip
"""What an incident may know of an item: details that a person gave, and what the journal has."""
_Text: TypeAlias = Annotated[str, StringConstraints(pattern=r"\S", max_length=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Words(_Model):
    """The same words in both languages; a text alone stands for both."""

    en: _Text = Field(description="In English.")
    ja: _Text = Field(description="In Japanese.")

    @model_validator(mode="before")
    @classmethod
    def _both(cls, given: Any) -> Any:  # noqa: ANN401
        return {"en": given, "ja": given} if isinstance(given, str) else given

    def said(self, lang: Language) -> str:
        """Return the words in a language."""
        return self.ja if lang == "ja" else self.en


class Item(_Model):
    """One item that the notice has to say."""

    name: Words = Field(description="Name of the item, as the form or the law has it.")
    detail: Detail | None = Field(None, description="Detail of the incident that answers the item; none: a person.")


class Within(_Model):
    """A length of time, counted as the addressee counts; exactly one of `hours`, `days` and `months`."""

    hours: int | None = Field(None, ge=1, le=8784, description="Hours from the moment of knowing.")
    days: int | None = Field(None, ge=1, le=366, description="Calendar days.")
    months: int | None = Field(None, ge=1, le=12, description="Months: ends on the day of the same number.")
    soon: int | None = Field(None, ge=1, le=366, description="Of a range such as 3 to 5 days, the shorter one.")
    first_day: bool = Field(False, description="Whether the day of knowing is day 1.")
    closed_days: Literal["japan"] | None = Field(
        None, description="Whose closed days move the end to the next open day."
    )
    zone: TimeZone | None = Field(None, description="Time zone of the days; default: that of the time of knowing.")

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if sum(length is not None for length in (self.hours, self.days, self.months)) != 1:
            raise ValueError(tr("give one of `hours`, `days` and `months`"))
        if self.soon is not None and (self.days is None or self.soon > self.days):
            raise ValueError(tr("`soon` is for `days`, and the shorter of the two"))
        return self


class Duty(_Model):
    """A duty to notify."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")] = Field(
        description="Name on the command line."
    )
    law: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")] = Field(
        description="Short name of the law or contract; duties of one law stand together."
    )
    name: Words = Field(description="Name of the notice.")
    addressee: Words = Field(description="Who has to be told.")
    when: Words = Field(description="When the notice is owed.")
    binding: Literal["law", "contract", "voluntary"] = Field(description="What obliges.")
    basis: Words = Field(description="Law with article, or the contract.")
    within: Within | None = Field(None, description="Deadline; default: without delay, no fixed time.")
    counts_from: Literal["noticed", "aware"] = Field(
        "aware",
        description="`noticed`: the incident was noticed. `aware`: it became known that `when` holds.",
    )
    way: Words = Field(description="How the notice is filed.")
    items: tuple[Item, ...] = Field((), description="What the notice has to say.")
    note: Words | None = Field(None, description="How the deadline is counted, and exceptions.")
    source: Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$")] | None = Field(
        None, description="Where the basis is published."
    )
    checked: date | None = Field(None, description="Day on which a person compared the entry with the source.")
    read: Words | None = Field(None, description="What was read on that day, and what was not.")
    never: Words | None = Field(
        None, description="In a project's own entry: why this operator never owes the notice; takes the duty off."
    )


class DutyFile(_Model):
    """A file of duties."""

    duties: tuple[Duty, ...]
