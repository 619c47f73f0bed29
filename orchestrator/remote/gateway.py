"""The interface of a gateway: the connection to a jump host, as used by a connection through the jump host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stopgap.orchestrator.wire.deadline import Deadline

if TYPE_CHECKING:
    from stopgap.orchestrator.remote.transport import HardenedTransport


class Gateway(Protocol):
    """A connection with channels to further hosts."""

    @property
    def is_connected(self) -> bool:
        """True while the connection to the jump host is open."""

    @property
    def transport(self) -> HardenedTransport:
        """The transport for channels, once the connection is open."""

    def open(self, deadline: Deadline) -> None:
        """Connect and log in, unless already connected. Raises Unreachable, TimeoutError, CancelledError."""

    def close(self) -> None:
        """Close the connection, or leave a shared connection to the other hosts."""
