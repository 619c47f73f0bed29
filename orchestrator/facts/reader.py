"""The interface of a reader: a read-only script, and the parser of its output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.hosttext import HostText

T_co = TypeVar("T_co", covariant=True)


class UnreadableError(Exception):
    """The host's output does not match the reader; the message gives the difference, escaped."""


@dataclass(frozen=True)
class Output:
    """The output of one script of an exchange."""

    stdout: HostText
    stderr: HostText
    status: int | None
    """Exit status; `None` without word from the host: the result is unknown."""
    truncated: bool = False
    ran: bool = True
    """False: the script was not begun, after a failed script of the same exchange."""


class Fact(BaseModel):
    """The result of a reader: typed, and untrusted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Reader(ABC, Generic[T_co]):
    """One fact to read on a host. Subclasses are frozen dataclasses, equal for the same read.

    The readers of the package are a closed set: a task chooses readers and cannot add a script, so that a dry run,
    limited to readers, writes nothing.
    """

    deadline: ClassVar[float] = 10.0
    """Seconds until the host's own watchdog ends the script."""
    cap: ClassVar[int] = 1 << 20
    """Bytes of output kept."""

    @abstractmethod
    def script(self) -> str:
        """Return the POSIX sh script. The script reads nothing from standard input and changes nothing."""

    def joined_with(self, _others: Sequence[Self]) -> Self | None:
        """Return one reader that asks what this reader and the others ask; each parses its own answer there.

        `None` where they have to be asked one by one.
        """
        return None

    @abstractmethod
    def parse(self, output: Output) -> T_co:
        """Parse the output into a fact; raises UnreadableError."""
