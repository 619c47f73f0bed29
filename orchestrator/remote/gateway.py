"""The interface of a gateway: the connection to a jump host, as a connection through the jump host needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stopgap.orchestrator.wire.deadline import Deadline

if TYPE_CHECKING:
    from stopgap.orchestrator.remote.transport import HardenedTransport


class Gateway(Protocol):
    """A connection that channels to further hosts are opened on."""

    @property
    def is_connected(self) -> bool:
        """The connection to the jump host stands."""

    @property
    def transport(self) -> HardenedTransport:
        """The transport that channels are opened on, once the connection is open."""

    def open(self, deadline: Deadline) -> None:
        """Connect and log in, unless the connection stands. Raises Unreachable, TimeoutError, CancelledError."""

    def close(self) -> None:
        """Close the connection, or leave it to the others who share it."""
