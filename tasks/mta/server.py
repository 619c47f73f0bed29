"""What stopping a mail server needs to know of it: the interface of a driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Generic, TypeVar

from stopgap.orchestrator.facts import Fact, InitScriptFact, ProcessFact, Reader, UnitFact
from stopgap.tasks.host.units import Moves, is_known

L = TypeVar("L", bound=Fact)


@dataclass(frozen=True)
class Queue:
    """Mail that waits on the host."""

    messages: int
    oldest: str = ""
    """Since when, or for how long, the oldest has waited, in words; empty where it is not known."""
    whole: bool = True
    """False: it could not be read to its end, there are more."""


@dataclass(frozen=True)
class Letter:
    """One message that waits, as the host names it: untrusted."""

    sender: str
    """Empty for a bounce."""
    recipients: tuple[str, ...] = ()
    """Those that could be read."""
    count: int = 0
    """How many there are."""


class MailServer(ABC, Generic[L]):
    """One kind of mail server, whose queue is read as an `L`.

    Everything is named as its packages name it, on every distribution known.
    """

    name: ClassVar[str]
    units: ClassVar[tuple[str, ...]]
    """systemd units, or patterns for those that are loaded."""
    scripts: ClassVar[tuple[str, ...]]
    """sysvinit services."""
    programs: ClassVar[tuple[str, ...]]
    """Patterns for the executables of its daemons (fnmatch)."""
    commands: ClassVar[tuple[str, ...]]
    """Names of its daemons' processes, for an account that may not see executables."""
    queue: Reader[L]
    """Lists the mail that waits."""
    mail: Reader[Any]
    """Reads the mail itself: who sends to whom. Like `queue`, it changes nothing on the host."""
    show_queue: ClassVar[str]
    """How an operator lists it."""
    delete_queued: ClassVar[str]
    """How an operator takes one message out of it."""
    hook: ClassVar[str | None] = None
    """A script that runs its queue from outside the init system, as long as it is executable."""
    uncovered: ClassVar[tuple[str, ...]] = ()
    """What goes on although it is stopped."""

    @abstractmethod
    def queued(self, listed: L) -> Queue | None:
        """Read the list of waiting mail; None where it could not be listed."""

    @abstractmethod
    def letters(self, read: Any) -> list[Letter] | None:  # noqa: ANN401
        """Tell who sends to whom, by what `mail` read; None where there is none of it.

        Raises Unplannable where it could not be read.
        """

    @abstractmethod
    def end(self, *, managed: bool) -> Moves:
        """Give the commands that end the processes which are left once the init system has stopped it.

        `managed`: the init system ran it. If not, somebody started it by hand, and the undo does so again.
        """

    def units_among(self, units: Sequence[UnitFact]) -> list[UnitFact]:
        """Pick its own, sockets first."""
        mine = [u for u in units if is_known(u) and any(fnmatchcase(u.name, name) for name in self.units)]
        return sorted(mine, key=lambda unit: not unit.name.endswith(".socket"))

    def scripts_among(self, scripts: Sequence[InitScriptFact]) -> list[InitScriptFact]:
        """Pick its own."""
        return [script for script in scripts if script.exists and script.name in self.scripts]

    def runs_among(self, processes: Sequence[ProcessFact]) -> bool:
        """Tell whether one of the processes is its own."""
        return any(is_one_of(process, self.programs, self.commands) for process in processes)


def is_one_of(process: ProcessFact, programs: Sequence[str], commands: Sequence[str]) -> bool:
    """Tell a process by its executable, deleted or not, and by its name only where that cannot be seen."""
    if not process.exe:
        return process.name in commands
    return any(fnmatchcase(process.exe.removesuffix(" (deleted)"), pattern) for pattern in programs)
