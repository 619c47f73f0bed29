"""What the engine sees of a connection: scripts go out together, outputs come back one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from stopgap.orchestrator.errors import UnreachableError
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import escape

Kind: TypeAlias = Literal[
    "timeout", "refused", "network", "name", "host-key", "auth", "identity", "protocol", "shell", "sudo", "cancelled"
]
"""Why a host is out of reach. `identity`: the operator's own key is at fault; `name`: the address does not resolve;
`shell`: the account has no POSIX shell."""


class Unreachable(UnreachableError):  # noqa: N818
    """A host cannot be worked on. The message is one line, escaped, and says what to do where that is known."""

    def __init__(self, host: str, reason: str, kind: Kind) -> None:
        self.host = host
        self.reason = escape(reason)
        self.kind = kind
        super().__init__(f"{host}: {self.reason}")


@dataclass(frozen=True)
class Item:
    """One script of an exchange."""

    script: str
    """POSIX sh; it reads nothing from standard input."""
    deadline: float = 10.0
    """Seconds from its start, kept on the host and here."""
    cap: int = 1 << 20
    """Bytes of standard output kept."""
    pause: bool = False
    """Where `Session.halt` was called, it and what follows is not begun."""
    until_told: bool = False
    """It goes on until `Session.enough` is called, or its deadline is over; its output so far is then whole."""


class Sink(Protocol):
    """Takes standard output as it arrives, so that it need not fit in memory. What it raises ends the session."""

    def data(self, index: int, chunk: bytes) -> None:
        """Take the next bytes of item `index`, cut at its cap."""

    def ended(self, index: int, output: Output) -> None:
        """Take the item's end, once for each item, in order; `output.stdout` is empty."""


class Session(Protocol):
    """An open connection to one host. Exchanges are made one after the other, from any thread."""

    host: Host
    fingerprint: str | None
    """`SHA256:…` of the host's key; None where no network lies between."""

    @property
    def alive(self) -> bool:
        """It can make a further exchange."""

    @property
    def trouble(self) -> str | None:
        """Why the last exchange left items unknown, in one line, escaped; None where it left none."""

    def exchange(
        self,
        items: Sequence[Item],
        *,
        stop_on_failure: bool = False,
        deadline: float | None = None,
        sink: Sink | None = None,
    ) -> list[Output]:
        """Run the items in order and give one output for each, whatever the host does.

        An output's status is None where the host never said, or where the item's deadline ended it: then nobody
        knows. With `stop_on_failure`, items after the first whose status is not 0 are not begun (`ran` is False).
        `truncated` marks standard output that is not whole: cut at the cap, or broken off.
        `deadline`, in seconds, bounds the exchange; by default its items' deadlines do, together. A host that keeps
        neither loses its connection, and every later exchange of this session gives unknown outputs.
        """

    def enough(self) -> None:
        """End the item under way, if it goes on until told; called from any thread."""

    def halt(self) -> None:
        """Let the exchange under way, and any later one, end at its next pause; called from any thread."""

    def close(self) -> None:
        """End the connection; an exchange under way in another thread returns at once."""
