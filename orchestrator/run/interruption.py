"""Interruption of a run: the current act on a host ends cleanly, and no further act begins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interruption:
    """A flag set by a signal and watched by every long operation.

    The first request lets a changing exchange finish and cuts read-only exchanges; the second request cuts every
    exchange.

    >>> interruption = Interruption()
    >>> interruption.request()  # from a handler of a signal, or from another thread
    >>> interruption.requested.is_set()
    True
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._lock = threading.RLock()
        self._at_once: list[Callable[[], None]] = []
        self._at_last: list[Callable[[], None]] = []

    def request(self) -> None:
        """Request an interruption; an impatient operator's second request cuts every exchange."""
        with self._lock:
            calls = list(self._at_once) + (list(self._at_last) if self.requested.is_set() else [])
            self.requested.set()
        for call in calls:
            call()

    @contextmanager
    def cutting(self, call: Callable[[], None], *, gently: bool = False) -> Iterator[None]:
        """During the block, call the function on the first request, or with `gently` on the second request only."""
        calls = self._at_last if gently else self._at_once
        with self._lock:
            calls.append(call)
        if self.requested.is_set() and not gently:
            call()
        try:
            yield
        finally:
            with self._lock:
                calls.remove(call)
