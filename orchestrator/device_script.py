"""The dialogue with a network device without a shell, as the text of one item.

A shell given such a text by mistake runs no command.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stopgap.orchestrator.text import tr

GOES_BACK = tr("goes back by itself")
"""Part of the reason for a committed, unconfirmed alteration: the device rolls back by itself."""
RUN = "@run@"
"""Placeholder for the run's id, so that no two runs share a session name on a device."""
LONGEST = 1000
"""Most characters read of a device's output line; no configuration has longer lines."""
_FIRST_LINE = "exit 69 # for a device's command line, not for a shell\n"
_SAYABLE = re.compile(r"[\x20-\x3e\x40-\x7e]{1,480}")


def _sayable(line: str) -> str:
    """Return the line without control characters and `?`, since a device answers `?` during typing."""
    if not _SAYABLE.fullmatch(line):
        raise ValueError(tr("a line for a device is printable ASCII without `?`, at most 480 characters"))
    return line


Said = Annotated[str, AfterValidator(_sayable)]
"""One line, as typed by a person."""


@lru_cache(maxsize=4)
def lines_of(shown: str) -> tuple[str, ...]:
    """Return the lines of a command's output, trimmed, spaces collapsed, without blank or overlong (LONGEST) lines.

    The results for the latest outputs are cached: a single read serves many entries.
    """
    return tuple(" ".join(line[:LONGEST].split()) for line in shown.splitlines() if line and not line.isspace())


def _found(pattern: str, shown: str) -> str:
    compiled = re.compile(pattern, re.IGNORECASE)
    return next((line for line in lines_of(shown) if compiled.fullmatch(line)), "")


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Look(_Part):
    """Read-only commands, each with a separate answer."""

    kind: Literal["look"] = "look"
    commands: tuple[Said, ...]


class Origin(_Part):
    """The local address of the connection to the device."""

    kind: Literal["origin"] = "origin"


class Sight(_Part):
    """A line expected in, or absent from, a command's output."""

    show: Said
    seen: str
    """A regular expression for the whole line, spaces collapsed and trimmed, case ignored."""
    before: bool
    """The line is present before the alteration."""
    elsewhere: str = ""
    """A regular expression for the same line at another position, possibly a line of somebody else."""
    within: str = ""
    """Sent before `line`: the position of the line in the configuration."""
    line: str = ""
    """The command to alter this line alone."""

    def holds(self, shown: str) -> bool:
        """Return True if the line is present."""
        return bool(_found(self.seen, shown))

    def moved(self, shown: str) -> str:
        """Return the same line at another position, if missing at the expected position."""
        return _found(self.elsewhere, shown) if self.elsewhere and not self.holds(shown) else ""


class Witness(_Part):
    """A line present in every complete output of a command.

    Without the witness, a missing entry does not count as absent: a refused, empty or truncated answer of a device
    shows no entry either.
    """

    show: Said
    always: tuple[str, ...] = ()
    """Regular expressions, as in `Sight`; each matches a line present before and after the alteration."""
    only: str = ""
    """A regular expression matched by every line; empty: any line is allowed. For commands with entries as their only
    output, possibly empty output: another command's witness is needed beside.
    """

    def lacks(self, shown: str) -> str:
        """Return the reason to reject the output; empty for a valid output."""
        lines = lines_of(shown)
        for always in self.always:
            if not _found(always, shown):
                return tr("`{show}` does not show what is always there", show=self.show) + (
                    tr(", but: {lines}", lines=lines[0]) if lines else ""
                )
        if self.only:
            pattern = re.compile(self.only, re.IGNORECASE)
            for line in lines:
                if not pattern.fullmatch(line):
                    return tr("`{show}` shows something else: {line}", show=self.show, line=line)
        return ""


class Pending(_Part):
    """The output of a command during a foreign change awaiting confirmation: any commit would confirm the change."""

    show: Said
    seen: str
    """A regular expression, as in `Sight`."""

    def found(self, shown: str) -> str:
        """Return the line as proof; empty without such a line."""
        return _found(self.seen, shown)


class Words(_Part):
    """An alteration in the device's own command language."""

    enter: tuple[Said, ...] = ()
    lines: tuple[Said, ...]
    commit: tuple[Said, ...] = ()
    abort: tuple[Said, ...] = ()
    """Sent after a refused line or a refused commit; refusals of the abort itself do not count. A configuration
    session refused at entry is left alone, as possibly somebody else's.
    """
    confirm: tuple[Said, ...] = ()
    """Sent over a second login. On failure, the device rolls back by itself."""
    within: int = 0
    """Seconds until the device's own rollback without a confirmation; 0: no rollback."""
    pending: Pending | None = None
    """Read before any line is sent; `None`: the device itself refuses, or has no pending changes."""


class Alter(_Part):
    """An alteration to reverse the presence of every line in `sights`; any mixed state is drift."""

    kind: Literal["alter"] = "alter"
    sights: tuple[Sight, ...]
    witnesses: tuple[Witness, ...] = ()
    words: Words
    undoing: bool = False
    """The alteration undoes an earlier alteration, made or possibly made."""
    unconfirmed: bool = False
    """A pending change may be the earlier alteration itself, and is no obstacle."""
    piecemeal: bool = False
    """If some lines are as wanted already, alter the remaining lines alone."""
    force: bool = False
    """Proceed also from a state neither before nor after."""


Dialogue: TypeAlias = Look | Origin | Alter
_DIALOGUE: TypeAdapter[Dialogue] = TypeAdapter(
    Annotated[Dialogue, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)


def to_text(dialogue: Dialogue) -> str:
    """Return a dialogue as an item's script."""
    return _FIRST_LINE + dialogue.model_dump_json()


def from_text(script: str) -> Dialogue | None:
    """Parse a dialogue; return `None` for a shell script."""
    if not script.startswith(_FIRST_LINE):
        return None
    try:
        return _DIALOGUE.validate_json(script.removeprefix(_FIRST_LINE))
    except ValidationError:
        return None
