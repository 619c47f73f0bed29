"""The interface of a mail server's driver: units, processes, queue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import ClassVar, Generic, TypeVar, get_args

from stopgap.orchestrator.change import PathChange, write_file
from stopgap.orchestrator.facts import (
    ABSENT,
    Fact,
    FileFact,
    FilesFact,
    HeadsFact,
    InitScriptFact,
    PlacedProcess,
    ProcessFact,
    Reader,
    UnitFact,
)
from stopgap.orchestrator.task import Unlimited
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import Moves, is_known

L = TypeVar("L", bound=Fact)
M = TypeVar("M", bound=Fact)
ROUTER_DROPS = Unlimited(why=tr("what a mail server sends meets the block as everything else of the host does"))
"""A gap in what stops mail limits no verdict: the verdict is about packets."""


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
    count: int | None = 0
    """How many there are; None if the queue keeps the recipients elsewhere."""


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
    deliveries: ClassVar[tuple[str, ...]] = ()
    """Patterns for programs that deliver one message each, and that nothing can keep from starting."""
    queue: Reader[L]
    """Reader of the queue's listing."""
    mail: Reader[M]
    """Reader of senders and recipients. Like `queue`, read-only on the host."""
    show_queue: ClassVar[str]
    """Command to list the queue, for an operator."""
    delete_queued: ClassVar[str]
    """Command to delete a message from the queue, for an operator."""
    binaries: ClassVar[tuple[str, ...]] = ()
    """Programs whose presence is the mail server's, for a server without a daemon."""
    root_programs: ClassVar[frozenset[str]] = frozenset()
    """Programs of `end` that only root may use, beside those for services."""
    hooks: ClassVar[tuple[str, ...]] = ()
    """Executable scripts with a queue run outside the init system."""
    files: ClassVar[tuple[str, ...]] = ()
    """Files read for `silence`."""
    queues: ClassVar[bool] = True
    """False for a mailer without a queue."""
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

    def silence(self, files: Mapping[str, FileFact]) -> Iterator[PathChange]:
        """Yield changes of files to keep the server from sending outside the init system.

        `files` maps the paths of `hooks` and `files` to facts. By default the hooks lose the execute bits.
        """
        for path in self.hooks:
            hook = files.get(path, ABSENT)
            if hook.kind == "file" and hook.mode & 0o111 and hook.content is not None:
                yield from filter(None, [write_file(path, hook.content, hook, mode=hook.mode & ~0o111)])

    def units_among(self, units: Sequence[UnitFact]) -> list[UnitFact]:
        """Return the units of this mail server, sockets first."""
        mine = [u for u in units if is_known(u) and any(fnmatchcase(u.name, name) for name in self.units)]
        return sorted(mine, key=lambda unit: not unit.name.endswith(".socket"))

    def scripts_among(self, scripts: Sequence[InitScriptFact]) -> list[InitScriptFact]:
        """Return the init scripts of this mail server."""
        return [script for script in scripts if script.exists and script.name in self.scripts]

    def owns(self, process: ProcessFact | PlacedProcess) -> bool:
        """Return True if the process belongs to this mail server."""
        return is_one_of(process, (*self.programs, *self.deliveries), self.commands)


def is_one_of(process: ProcessFact | PlacedProcess, programs: Sequence[str], commands: Sequence[str]) -> bool:
    """Match a process by executable, deleted or not; by name only if the executable is unreadable."""
    if not process.exe:
        return process.name in commands
    return any(fnmatchcase(process.exe.removesuffix(" (deleted)"), pattern) for pattern in programs)


def counted(listed: FilesFact) -> Queue | None:
    """Return the queue of a server with one file a message; None for an unreadable queue."""
    return None if listed.count is None else Queue(listed.count, since(listed.oldest), whole=listed.whole)


def letters_of(read: HeadsFact, parse: Callable[[bytes], Letter]) -> list[Letter] | None:
    """Return the messages of a server with one file a message, each parsed from the file's beginning.

    None for an unreadable queue.
    """
    return None if read.heads is None else [parse(head) for head in read.heads]


def since(moment: int | None) -> str:
    """Return `since` and a time given in seconds since the epoch, in UTC; empty if the time is unknown."""
    return (
        tr("since {fromtimestamp} UTC", fromtimestamp=f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}")
        if moment
        else ""
    )
