"""What a server may send that nobody has use for: so many messages and bytes, and a few more each second."""

from __future__ import annotations

import time
from collections.abc import Callable

from stopgap.orchestrator.remote.limits import Limits


class Allowance:
    """Counts what came on one connection. Data that an open channel has taken is given back: it has its own caps."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._limits = limits
        self._clock = clock
        self._messages = float(limits.messages)
        self._bytes = float(limits.chatter)
        self._since = clock()

    def spend(self, size: int) -> bool:
        """Take a message of so many bytes into account; gives False where that is more than is allowed."""
        self._refill()
        self._messages -= 1
        self._bytes -= size
        return self._messages >= 0 and self._bytes >= 0

    def give_back(self, size: int) -> None:
        """Give back a message whose data, of so many bytes, was of use; a few bytes are worth a part of one."""
        self._messages += min(1.0, size / self._limits.useful)
        self._bytes += size

    def _refill(self) -> None:
        now = self._clock()
        passed, self._since = now - self._since, now
        self._messages = min(self._limits.messages, self._messages + passed * self._limits.messages_per_second)
        self._bytes = min(self._limits.chatter, self._bytes + passed * self._limits.chatter_per_second)
