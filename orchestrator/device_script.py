"""What is said to a network device that has a command line of its own and no shell, as the text of one item.

A shell that gets such a text by mistake runs nothing of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

GOES_BACK = "goes back by itself"
"""Stands in the reason of an alteration that was committed and not confirmed: its device takes it back."""
RUN = "@run@"
"""Stands in a line for the run's id, so that two runs never meet in one session of a device."""
LONGEST = 1000
"""Characters of a line that a device shows; of a longer line, which no configuration has, the beginning is read."""
_FIRST_LINE = "exit 69 # for a device's command line, not for a shell\n"
_SAYABLE = re.compile(r"[\x20-\x3e\x40-\x7e]{1,480}")


def _sayable(line: str) -> str:
    """Keep a line one line: no control character, and no `?`, which a device answers while it is being typed."""
    if not _SAYABLE.fullmatch(line):
        raise ValueError("a line for a device is printable ASCII without `?`, at most 480 characters")
    return line


Said = Annotated[str, AfterValidator(_sayable)]
"""One line, as a person would type it."""


@lru_cache(maxsize=4)
def lines_of(shown: str) -> tuple[str, ...]:
    """Give the lines that a command showed, spaces collapsed and trimmed, blank lines left out, none over LONGEST.

    The last few answers are remembered: one look asks for many entries.
    """
    return tuple(" ".join(line[:LONGEST].split()) for line in shown.splitlines() if line and not line.isspace())


def _found(pattern: str, shown: str) -> str:
    compiled = re.compile(pattern, re.IGNORECASE)
    return next((line for line in lines_of(shown) if compiled.fullmatch(line)), "")


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
    elsewhere: str = ""
    """A regular expression that recognises the same in another place, where it may be somebody else's."""
    within: str = ""
    """Said before `line`: the place in the configuration that it belongs to."""
    line: str = ""
    """Alters this line alone."""

    def holds(self, shown: str) -> bool:
        """Tell whether the line is there."""
        return bool(_found(self.seen, shown))

    def moved(self, shown: str) -> str:
        """Give the line that shows the same in another place, where it is not in its own."""
        return _found(self.elsewhere, shown) if self.elsewhere and not self.holds(shown) else ""


class Witness(_Part):
    """What a command always shows: without it, nothing that the command does not show counts as absent.

    A device that refuses a command, answers with nothing, or breaks its answer off shows no entry either.
    """

    show: Said
    always: tuple[str, ...] = ()
    """Regular expressions, as in `Sight`; each matches a line that is there before the alteration and after it."""
    only: str = ""
    """A regular expression that every line matches; empty: any line may be shown. For commands that show entries
    alone, and so nothing where there is none: a witness of another command is needed beside it."""

    def lacks(self, shown: str) -> str:
        """Say why the look does not count; nothing where it does."""
        lines = lines_of(shown)
        for always in self.always:
            if not _found(always, shown):
                return f"`{self.show}` does not show what is always there" + (f", but: {lines[0]}" if lines else "")
        if self.only:
            pattern = re.compile(self.only, re.IGNORECASE)
            for line in lines:
                if not pattern.fullmatch(line):
                    return f"`{self.show}` shows something else: {line}"
        return ""


class Pending(_Part):
    """What a command shows while a change of somebody's waits to be confirmed, which any commit would confirm."""

    show: Said
    seen: str
    """A regular expression, as in `Sight`."""

    def found(self, shown: str) -> str:
        """Give the line that says so; nothing where none does."""
        return _found(self.seen, shown)


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
    pending: Pending | None = None
    """Looked at before anything is entered; None: the device itself refuses, or has no such thing."""


class Alter(_Part):
    """An alteration that ends with every line of `sights` as it was not before; drift where it is neither."""

    kind: Literal["alter"] = "alter"
    sights: tuple[Sight, ...]
    witnesses: tuple[Witness, ...] = ()
    words: Words
    undoing: bool = False
    """It takes back what an earlier alteration did, or may have done."""
    unconfirmed: bool = False
    """What waits to be confirmed may be that earlier alteration, and is no hindrance."""
    piecemeal: bool = False
    """Where some of the lines are as wanted already, alter the others alone."""
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
