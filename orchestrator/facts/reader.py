"""The seam between a task and a host: a reader is a script that only reads, and the parser of what it prints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.hosttext import HostText

T_co = TypeVar("T_co", covariant=True)


class UnreadableError(Exception):
    """What the host sent is not what the reader asked for; the message says how, escaped."""


@dataclass(frozen=True)
class Output:
    """What one script of an exchange gave."""

    stdout: HostText
    stderr: HostText
    status: int | None
    """Exit status; None where the host never said: the truth is unknown."""
    truncated: bool = False
    ran: bool = True
    """False: it was not begun, an earlier one of its exchange having failed."""


class Fact(BaseModel):
    """What a probe read: typed, and untrusted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Reader(ABC, Generic[T_co]):
    """One thing to read on a host. Subclasses are frozen dataclasses, equal when they read the same.

    The readers of this package are a closed set: a task chooses among them and cannot bring a script of its own,
    so that a dry run, which runs readers alone, writes nothing.
    """

    deadline: ClassVar[float] = 10.0
    """Seconds after which the host's own watch ends the script."""
    cap: ClassVar[int] = 1 << 20
    """Bytes of output kept."""

    @abstractmethod
    def script(self) -> str:
        """Give the POSIX sh script. It reads nothing from standard input and changes nothing."""

    @abstractmethod
    def parse(self, output: Output) -> T_co:
        """Turn the output into a fact; raises UnreadableError."""
