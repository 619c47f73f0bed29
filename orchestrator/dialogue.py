"""What is said to a network device that has a command line of its own and no shell, as the text of one item.

A shell that gets such a text by mistake runs nothing of it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

_FIRST_LINE = "exit 69 # for a device's command line, not for a shell\n"
_SAYABLE = re.compile(r"[\x20-\x3e\x40-\x7e]{1,480}")


def _sayable(line: str) -> str:
    """Keep a line one line: no control character, and no `?`, which a device answers while it is being typed."""
    if not _SAYABLE.fullmatch(line):
        raise ValueError("a line for a device is printable ASCII without `?`, at most 480 characters")
    return line


Said = Annotated[str, AfterValidator(_sayable)]
"""One line, as a person would type it."""


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Look(_Part):
    """Commands that only show, each with its own answer."""

    kind: Literal["look"] = "look"
    commands: tuple[Said, ...]


class Origin(_Part):
    """The address from which the connection to the device comes, as this end of it says."""

    kind: Literal["origin"] = "origin"


class Sight(_Part):
    """A line that a command shows, or does not."""

    show: Said
    seen: str
    """A regular expression for the whole line, spaces collapsed and trimmed, case ignored."""
    before: bool
    """It is there before the alteration."""

    def holds(self, shown: str) -> bool:
        """Tell whether the line is there."""
        pattern = re.compile(self.seen, re.IGNORECASE)
        return any(pattern.fullmatch(" ".join(line.split())) for line in shown.splitlines())


class Words(_Part):
    """An alteration in the device's own words."""

    enter: tuple[Said, ...] = ()
    lines: tuple[Said, ...]
    commit: tuple[Said, ...] = ()
    abort: tuple[Said, ...] = ()
    """Said when a line or the commit is refused; refusals of these do not count. What refused to be entered is
    left alone: somebody else may be at work in it."""
    confirm: tuple[Said, ...] = ()
    """Said over a second login. Where that fails, the device goes back by itself."""
    within: int = 0
    """Seconds after which the device goes back unless it is confirmed; 0: it never does."""


class Alter(_Part):
    """An alteration that ends with every line of `sights` as it was not before; drift where it is neither."""

    kind: Literal["alter"] = "alter"
    sights: tuple[Sight, ...]
    words: Words
    force: bool = False
    """Also where the device is as neither before nor after."""


Dialogue: TypeAlias = Look | Origin | Alter
_DIALOGUE: TypeAdapter[Dialogue] = TypeAdapter(Annotated[Dialogue, Field(discriminator="kind")])


def to_text(dialogue: Dialogue) -> str:
    """Write a dialogue as an item's script."""
    return _FIRST_LINE + dialogue.model_dump_json()


def from_text(script: str) -> Dialogue | None:
    """Read it back; None for a script that is meant for a shell."""
    if not script.startswith(_FIRST_LINE):
        return None
    try:
        return _DIALOGUE.validate_json(script.removeprefix(_FIRST_LINE))
    except ValidationError:
        return None
