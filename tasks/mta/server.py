"""The interface of a mail server's driver: units, processes, queue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import ClassVar, Generic, TypeVar, get_args

from stopgap.orchestrator.facts import Fact, InitScriptFact, ProcessFact, Reader, UnitFact
from stopgap.tasks.host.units import Moves, is_known

L = TypeVar("L", bound=Fact)
M = TypeVar("M", bound=Fact)


@dataclass(frozen=True)
class Queue:
    """The mail queue of a server."""

    messages: int
    oldest: str = ""
    """Age or arrival time of the oldest message, in words; empty if unknown."""
    whole: bool = True
    """False if the queue could not be read to the end: more messages exist."""


@dataclass(frozen=True)
class Letter:
    """One queued message as listed by the host: untrusted."""

    sender: str
    """Empty for a bounce."""
    recipients: tuple[str, ...] = ()
    """The readable recipients."""
    count: int = 0
    """How many there are."""


class MailServer(ABC, Generic[L, M]):
    """A mail server's driver; `L` is the fact of the queue's reader.

    Names of units, scripts and programs cover the packages of every known distribution.
    """

    Listed: ClassVar[type[Fact]]
    Mail: ClassVar[type[Fact]]
    name: ClassVar[str]
    units: ClassVar[tuple[str, ...]]
    """systemd units, or patterns for loaded units."""
    scripts: ClassVar[tuple[str, ...]]
    """sysvinit services."""
    programs: ClassVar[tuple[str, ...]]
    """Patterns for the executables of the daemons (fnmatch)."""
    commands: ClassVar[tuple[str, ...]]
    """Process names of the daemons, for an account without access to executables."""
    queue: Reader[L]
    """Reader of the queue's listing."""
    mail: Reader[M]
    """Reader of senders and recipients. Like `queue`, read-only on the host."""
    show_queue: ClassVar[str]
    """Command to list the queue, for an operator."""
    delete_queued: ClassVar[str]
    """Command to delete a message from the queue, for an operator."""
    hook: ClassVar[str | None] = None
    """An executable script with a queue run outside the init system."""
    uncovered: ClassVar[tuple[str, ...]] = ()
    """Mail traffic still possible after the stop."""

    def __init_subclass__(cls) -> None:
        """Set the types of the facts from the type arguments of the base class."""
        super().__init_subclass__()
        cls.Listed, cls.Mail = get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined]

    @property
    def key(self) -> str:
        """The server's key in mappings of facts: the name in lower case."""
        return self.name.lower()

    @abstractmethod
    def queued(self, listed: L) -> Queue | None:
        """Return the queue from the listing; None if the queue could not be listed."""

    @abstractmethod
    def letters(self, read: M) -> list[Letter] | None:
        """Return the queued messages from the fact of `mail`; None if the mail server is not installed.

        Raises Unplannable if the queue could not be read.
        """

    @abstractmethod
    def end(self, *, managed: bool) -> Moves:
        """Return commands to end the processes left after the init system's stop.

        `managed` is True if the init system started the server. Otherwise a person started the server by hand, and
        the undo starts the server the same way.
        """

    def units_among(self, units: Sequence[UnitFact]) -> list[UnitFact]:
        """Return the units of this mail server, sockets first."""
        mine = [u for u in units if is_known(u) and any(fnmatchcase(u.name, name) for name in self.units)]
        return sorted(mine, key=lambda unit: not unit.name.endswith(".socket"))

    def scripts_among(self, scripts: Sequence[InitScriptFact]) -> list[InitScriptFact]:
        """Return the init scripts of this mail server."""
        return [script for script in scripts if script.exists and script.name in self.scripts]

    def runs_among(self, processes: Sequence[ProcessFact]) -> bool:
        """Return True if a process belongs to this mail server."""
        return any(is_one_of(process, self.programs, self.commands) for process in processes)


def is_one_of(process: ProcessFact, programs: Sequence[str], commands: Sequence[str]) -> bool:
    """Match a process by executable, deleted or not; by name only if the executable is unreadable."""
    if not process.exe:
        return process.name in commands
    return any(fnmatchcase(process.exe.removesuffix(" (deleted)"), pattern) for pattern in programs)


def since(moment: int | None) -> str:
    """Return `since` and a time given in seconds since the epoch, in UTC; empty if the time is unknown."""
    return f"since {datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC" if moment else ""
