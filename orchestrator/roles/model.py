"""The model of roles.yaml: people with their keys, and roles with what they may do, to what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.source import Unfit, quoted
from stopgap.orchestrator.text import tr

Action: TypeAlias = Literal["view", "answer", "run", "approve", "undo", "emergency"]
"""`emergency`: begin a run that needs approval before it is approved."""
_KEY = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+", re.ASCII)


def _key(text: str) -> str:
    words = text.split()
    if len(words) < 2 or "\n" in text or not _KEY.fullmatch(words[0]):
        raise Unfit(
            tr("{text} is no public key", text=quoted(text)), tr("a line as in a .pub file: ssh-ed25519 AAAA…")
        )
    return " ".join(words[:2])


PersonName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*?\[\]!._-]{1,128}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Person(_Part):
    """A person: one entry for each human being, with all of the person's keys."""

    keys: tuple[Annotated[str, AfterValidator(_key)], ...] = Field(
        (), description="Public SSH keys of the person, as lines of .pub files; a key belongs to one person"
    )
    page: Word | None = Field(
        None, description="Name that the proxy in front of `stopgap serve` gives for the person, such as a login"
    )


class Role(_Part):
    """What some people may do, and to what; what several roles give a person adds up."""

    people: tuple[PersonName, ...] = Field(min_length=1, description="Names of people")
    may: tuple[Action, ...] = Field(
        min_length=1,
        description="view, answer, run, approve, undo; emergency: begin a run before it is approved",
    )
    runbooks: tuple[Pattern, ...] = Field(
        (),
        description="Names of runbooks, shipped or in runbooks/ beside roles.yaml, as they are there; `cut` is "
        "`stopgap cut`; patterns such as report-*; default: any",
    )
    sites: tuple[Pattern, ...] = Field((), description="`site` of the targets; default: any, and none")
    hosts: tuple[Pattern, ...] = Field((), description="Names of the targets, or patterns such as web*; default: any")
    approve: int = Field(
        1, ge=1, le=9, description="How many people a run under this role takes, the one who begins the run included"
    )


class Approvals(_Part):
    """How long an approval is good for."""

    last: Duration = Field(
        timedelta(hours=24),
        ge=timedelta(minutes=1),
        le=timedelta(days=30),
        description="Time from an approval to the start of the run",
    )


class RolesFile(_Part):
    """Who may do what."""

    people: dict[PersonName, Person] = Field(min_length=1, description="People by name")
    roles: dict[PersonName, Role] = Field(min_length=1, description="Roles by name")
    approvals: Approvals = Field(default_factory=Approvals, description="How long approvals are good for")


@dataclass(frozen=True)
class Roles:
    """What roles.yaml says."""

    people: Mapping[str, Person]
    roles: Mapping[str, Role]
    approvals_last: timedelta
    """Time from an approval to the start of the run."""
    path: str
    sha256: str
    """Of the file's text."""

    def person_of_key(self, key: str) -> str | None:
        """Return the person with the public key, a line as of a .pub file; None for a key of nobody."""
        wanted = " ".join(key.split()[:2])
        return next((name for name, person in self.people.items() if wanted in person.keys), None)

    def person_on_page(self, name: str) -> str | None:
        """Return the person with this name on the page, by the word of the proxy in front; None for an unknown name.

        The caller sees to it that the name comes from the proxy: anybody can write a header.
        """
        return next((each for each, person in self.people.items() if person.page == name), None) if name else None
