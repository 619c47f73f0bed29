"""Allowance for unsolicited traffic of a server: messages and bytes at the start, and a refill each second."""

from __future__ import annotations

import time
from collections.abc import Callable

from stopgap.orchestrator.remote.limits import Limits


class Allowance:
    """Counts the traffic of one connection.

    Data consumed by an open channel is credited back: channels have own caps.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the allowance; `clock` returns seconds."""
        self._limits = limits
        self._clock = clock
        self._messages = float(limits.messages)
        self._bytes = float(limits.chatter)
        self._since = clock()

    def spend(self, size: int) -> bool:
        """Debit a message with its size in bytes; return False if the allowance is exceeded."""
        self._refill()
        self._messages -= 1
        self._bytes -= size
        return self._messages >= 0 and self._bytes >= 0

    def give_back(self, size: int) -> None:
        """Credit a message with useful data of the given size in bytes; few bytes credit a fraction of a message."""
        self._messages += min(1.0, size / self._limits.useful)
        self._bytes += size

    def _refill(self) -> None:
        now = self._clock()
        passed, self._since = now - self._since, now
        self._messages = min(self._limits.messages, self._messages + passed * self._limits.messages_per_second)
        self._bytes = min(self._limits.chatter, self._bytes + passed * self._limits.chatter_per_second)
