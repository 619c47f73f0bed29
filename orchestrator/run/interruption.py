"""Being told to stop: what is under way on a host ends cleanly, nothing more is begun."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interruption:
    """Set by a signal, watched by everything that takes time.

    A first request lets an exchange of changes end by itself and cuts what only reads; a second cuts everything.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._lock = threading.RLock()
        self._at_once: list[Callable[[], None]] = []
        self._at_last: list[Callable[[], None]] = []

    def request(self) -> None:
        """Ask to stop; to be called again by an operator who will not wait."""
        with self._lock:
            calls = list(self._at_once) + (list(self._at_last) if self.requested.is_set() else [])
            self.requested.set()
        for call in calls:
            call()

    @contextmanager
    def cutting(self, call: Callable[[], None], *, gently: bool = False) -> Iterator[None]:
        """While the block runs, a request calls this: the first one, or with `gently` only the second."""
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
