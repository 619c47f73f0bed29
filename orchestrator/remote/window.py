"""The receive window of a channel: it grows with round trip and throughput, up to a cap of its own and one of all."""

from __future__ import annotations

import threading

from paramiko import Channel

from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.transport import widen

_ROUND_TRIPS = 2.0
"""A window that is used up within as many has held the host back: one would do if the measure of it were exact."""


_FAR = 0.02
"""Seconds of a round trip below which a window does not grow: 2 MiB in that time fill a line of a gigabit, and
bytes that wait are moved at each read (paramiko's BufferedPipe)."""


class Growth:
    """The bytes by which the windows of all channels of a process may grow together, for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self, size: int, most: int) -> bool:
        """Take bytes, unless more than `most` would be taken."""
        with self._lock:
            if self._taken + size > most:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        """Give bytes of a closed channel back."""
        with self._lock:
            self._taken -= size


GROWTH = Growth()
"""The process's own."""


class Window:
    """Doubles the window of a channel where it is the window that the host waits for.

    That is so where a whole window came within two round trips, and the reader had to wait meanwhile: a reader that
    does not keep up, such as one that writes to a slow disk, holds no more for it. Times are monotonic seconds.
    """

    def __init__(
        self, channel: Channel, round_trip: float, limits: Limits, now: float, growth: Growth = GROWTH
    ) -> None:
        self._channel = channel
        self._soon = _ROUND_TRIPS * round_trip if round_trip >= _FAR else 0.0
        self._limits = limits
        self._growth = growth
        self._grown = 0
        self._count = 0
        self._since = now
        self._waited = False

    def waited(self) -> None:
        """Note that the reader had nothing to read."""
        self._waited = True

    def taken(self, count: int, now: float) -> None:
        """Note bytes that were read. Raises paramiko's exceptions of a connection that is lost."""
        self._count += count
        size: int = self._channel.in_window_size
        if self._count < size:
            return
        if self._waited and now - self._since < self._soon:
            self._grow(min(size, self._limits.widest_window - size))
        self._count, self._since, self._waited = 0, now, False

    def close(self) -> None:
        """Give back what the window has grown by; nothing more is read."""
        self._growth.give_back(self._grown)
        self._grown = 0

    def _grow(self, more: int) -> None:
        if more > 0 and self._growth.take(more, self._limits.wider_windows):
            self._grown += more
            widen(self._channel, more)
