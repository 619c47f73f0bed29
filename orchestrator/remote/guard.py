"""Calls at the end of a time, unless cancelled before: one thread waits for all of them."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count

_NUMBERS = count()


class Guard:
    """A call to be made once a time is over; see `guard`."""

    __slots__ = ("_at", "_number", "call")

    def __init__(self, at: float, call: Callable[[], object]) -> None:
        self._at = at
        self._number = next(_NUMBERS)
        self.call: Callable[[], object] | None = call

    def __lt__(self, other: Guard) -> bool:
        return (self._at, self._number) < (other._at, other._number)

    def cancel(self) -> None:
        """Make no call, unless the call has begun."""
        self.call = None

    @property
    def left(self) -> float:
        """Return the seconds left, negative once the time is over."""
        return self._at - time.monotonic()


class Guards:
    """The guards of a process. A `threading.Timer` for each would be two threads for each host."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Guard] = []
        self._thread: threading.Thread | None = None

    def guard(self, seconds: float, call: Callable[[], object]) -> Guard:
        """Make the call after as many seconds, in a thread of its own; return what cancels it."""
        new = Guard(time.monotonic() + seconds, call)
        with self._changed:
            heapq.heappush(self._waiting, new)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="guards", daemon=True)
                self._thread.start()
            elif self._waiting[0] is new:
                self._changed.notify()
        return new

    def _watch(self) -> None:
        with self._changed:
            while True:
                while self._waiting and (self._waiting[0].call is None or self._waiting[0].left <= 0):
                    over = heapq.heappop(self._waiting)
                    if (call := over.call) is not None:
                        threading.Thread(target=call, name="guard", daemon=True).start()
                self._changed.wait(self._waiting[0].left if self._waiting else None)


guard = Guards().guard
"""The process's own."""
