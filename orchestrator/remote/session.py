"""The connection as seen by the engine: scripts go out together, and one output comes back for each script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from stopgap.orchestrator.errors import UnreachableError
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.text import tr

Kind: TypeAlias = Literal[
    "timeout", "refused", "network", "name", "host-key", "auth", "identity", "protocol", "shell", "sudo", "cancelled"
]
"""Why a host is out of reach. `identity`: the operator's own key is at fault; `name`: the address does not resolve;
`shell`: the account has no POSIX shell."""


class Unreachable(UnreachableError):  # noqa: N818
    """A host cannot be worked on. The message is one line, escaped, with a remedy if known."""

    def __init__(self, host: str, reason: str, kind: Kind) -> None:
        self.host = host
        self.reason = reason
        self.kind = kind
        super().__init__(tr("{host}: {reason}", host=host, reason=self.reason))


@dataclass(frozen=True)
class Item:
    """One script of an exchange."""

    script: str
    """POSIX sh; the script reads nothing from standard input."""
    deadline: float = 10.0
    """Seconds from the item's start, enforced on the host and on the controller."""
    cap: int = 1 << 20
    """Bytes of standard output kept."""
    pause: bool = False
    """After `Session.halt`, this item and later items are not begun."""
    required: bool = False
    """After a failure of this item, no later item is begun, in any exchange."""
    until_told: bool = False
    """The item is open-ended: it runs until `Session.enough` or the item's deadline; the output so far is then
    complete.
    """


class Sink(Protocol):
    """Takes standard output in chunks, so that output need not fit in memory. An exception here ends the session."""

    def data(self, index: int, chunk: bytes) -> None:
        """Take the next bytes of item `index`, cut at the item's cap."""

    def ended(self, index: int, output: Output) -> None:
        """Take the end of an item, once for each item, in order; `output.stdout` is empty."""


class Session(Protocol):
    """An open connection to one host. Exchanges run one after the other, from any thread."""

    host: Host
    fingerprint: str | None
    """`SHA256:…` of the host key; `None` without a network in between."""

    @property
    def alive(self) -> bool:
        """True if a further exchange is possible."""

    @property
    def trouble(self) -> str | None:
        """The reason for unknown items of the last exchange, in one line, escaped; `None` without unknown items."""

    @property
    def no_shell(self) -> str | None:
        """The reason, if the host's shell did not take the first script of the session; nothing began there.

        The reason is one line, escaped, with a remedy; such a host is out of reach.
        """

    def exchange(
        self,
        items: Sequence[Item],
        *,
        stop_on_failure: bool = False,
        deadline: float | None = None,
        sink: Sink | None = None,
    ) -> list[Output]:
        """Run the items in order and return one output for each, for any behaviour of the host.

        The status of an output is `None` without word from the host, or after the item's deadline: the result is then
        unknown. With `stop_on_failure`, or after a required item, items after the first status other than 0 are not
        begun (`ran` is False).
        `truncated` marks incomplete standard output: cut at the cap, or broken off. `deadline`, in seconds, bounds
        the exchange; the default is the sum of the items' deadlines. A host past every deadline loses the connection,
        and each later exchange of the session returns unknown outputs.
        """

    def beside(self) -> Session | None:
        """Return a session over the same connection, for a long read beside the exchanges of this one.

        Closing it closes no more than that. `None` where the connection, or its server, has no room for it.
        """

    def enough(self) -> None:
        """End the current item, if the item is open-ended; callable from any thread."""

    def halt(self) -> None:
        """End the current exchange, and any later exchange, at the next pause; callable from any thread."""

    def close(self) -> None:
        """Close the connection; a running exchange in another thread returns at once."""


def one_by_one(
    items: Sequence[Item], have: Callable[[Item], Output], *, stop_on_failure: bool, sink: Sink | None
) -> list[Output]:
    """Have each item in order, for sessions without a framed exchange; see `Session.exchange`.

    With `stop_on_failure`, items after a failure are not run; otherwise after the failure of a required item.
    """
    outputs: list[Output] = []
    stopped = False
    for index, item in enumerate(items):
        output = Output(HostText(b""), HostText(b""), None, ran=False) if stopped else have(item)
        stopped = stopped or (output.status != 0 and (stop_on_failure or item.required))
        outputs.append(output)
        if sink is not None:
            sink.ended(index, output)
    return outputs
