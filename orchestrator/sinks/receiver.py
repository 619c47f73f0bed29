"""What takes events one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

PATIENCE = 10.0
"""Seconds for one event, from the look-up of a name to the last word of an answer."""


class RefusedError(Exception):
    """The receiver will never take this event: another attempt is of no use. The message says why."""


class Receiver(Protocol):
    """Takes the events of one sink, in one thread."""

    def send(self, event: Mapping[str, Any], /) -> None:
        """Deliver one event, within PATIENCE seconds.

        Raises RefusedError for an event that will never be taken, OSError for one to try again; whatever else is
        raised counts as a refusal.
        """

    def close(self) -> None:
        """End the connection, if there is one."""
