"""A change of a network device's configuration, in the device's own command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stopgap.orchestrator.change.base import Change
from stopgap.orchestrator.device_script import RUN, Alter, Said, Sight, Witness, Words, to_text
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.facts.device import Shown, ShownFact
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import Translatable


class Entry(BaseModel):
    """One line of a device's configuration or tables, as shown by a command."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    show: Said
    line: str
    """The entry as shown by the command."""
    seen: str
    """A regular expression for the entry, spaces collapsed and trimmed, case ignored."""
    elsewhere: str = ""
    """A regular expression for the same entry at another position, possibly an entry of somebody else."""
    within: str = ""
    """Sent before `take`: the position of the entry in the configuration."""
    take: str = ""
    """The command to remove this entry alone; empty: the entry is removed together with the others."""

    def stands_in(self, shown: str) -> bool:
        """Return True if the entry is present in the command's output."""
        return Sight(show=self.show, seen=self.seen, before=True).holds(shown)


class DeviceChange(Change):
    """Add and remove entries of a device's configuration; the undo reverses the change.

    The device is read first: all entries are as planned, or all as wanted; any other state is drift. With a confirm
    command in `do`, the device itself rolls back unless a second login confirms.
    """

    deadline: ClassVar[float] = 300.0
    """A large device commits for a minute, and confirming is a second commit."""
    kind: Literal["device"] = "device"
    about: Translatable
    do: Words
    undo: Words
    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    """Lines required in the output before a missing entry counts as absent."""
    looked: ShownFact | None = Field(default=None, exclude=True, repr=False)
    """The facts behind the plan."""

    @model_validator(mode="after")
    def _without_rollback_timer(self) -> Self:
        if self.rollback_timer is not None:
            raise ValueError(
                tr("no rollback timer runs on a device without a shell; `do.confirm` is the device's own")
            )
        return self

    @property
    def confirm_within(self) -> float | None:
        """Seconds until the device's own rollback without the confirm command."""
        return self.do.within or None

    def describe(self) -> str:
        """Return `about`."""
        return self.about

    def preview(self) -> list[str]:
        """Return every command line, then the entries as a diff."""
        said = [f"> {line}" for line in (*self.do.enter, *self.do.lines, *self.do.commit)]
        if self.do.confirm:
            said += [f"> {line}" for line in self.do.confirm[:-1]]
            said += [f"> {self.do.confirm[-1]}   (over a second login, or it goes back after {self.do.within} s)"]
        shows = dict.fromkeys(entry.show for entry in (*self.removed, *self.added))
        for show in shows:
            said += [f"--- {show}", f"+++ {show}"]
            said += [f"-{entry.line}" for entry in self.removed if entry.show == show]
            said += [f"+{entry.line}" for entry in self.added if entry.show == show]
        return [line.replace(RUN, "RUN") for line in said]

    def describe_undo(self) -> str:
        """Return the command lines of the undo."""
        return "; ".join((*self.undo.enter, *self.undo.lines, *self.undo.commit)).replace(RUN, "RUN")

    def do_script(self) -> str:
        """Return the dialogue from the state before to the state after."""
        return to_text(Alter(sights=self._sights(undoing=False), witnesses=self.witnesses, words=self.do))

    def undo_script(self, *, force: bool = False, sure: bool = True) -> str:
        """Return the dialogue from the state after to the state before.

        Args:
            force: proceed also from any other state of the device.
            sure: the change is known to be complete. Otherwise, and for entries with separate expiry, the
                remaining entries are removed.
        """
        alter = Alter(
            sights=self._sights(undoing=True),
            witnesses=self.witnesses,
            words=self.undo,
            undoing=True,
            unconfirmed=not sure,
            piecemeal=not sure or self.lasts is not None,
            force=force,
        )
        return to_text(alter)

    def predicted(self) -> Mapping[Reader[Any], Any]:
        """Return the expected fact: the same commands show the wanted entries."""
        if self.looked is None:
            return {}
        shown = {show: self._after(show, text) for show, text in self.looked.shown.items()}
        return {Shown(tuple(shown)): ShownFact(shown=shown)}

    def _after(self, show: str, text: str) -> str:
        gone = [entry for entry in self.removed if entry.show == show]
        kept = [line for line in text.splitlines() if not any(entry.stands_in(line) for entry in gone)]
        return "\n".join([*kept, *(entry.line for entry in self.added if entry.show == show)])

    def _sights(self, *, undoing: bool) -> tuple[Sight, ...]:
        return tuple(
            Sight(
                show=entry.show,
                seen=entry.seen,
                before=was is not undoing,
                elsewhere=entry.elsewhere if undoing and not was else "",
                within=entry.within if undoing and not was else "",
                line=entry.take if undoing and not was else "",
            )
            for entries, was in ((self.added, False), (self.removed, True))
            for entry in entries
        )
