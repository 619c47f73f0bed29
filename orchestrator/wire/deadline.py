"""A moment by which something must be done, and the operator's wish to stop waiting for it."""

from __future__ import annotations

import threading
import time

_SLICE = 0.1


class CancelledError(Exception):
    """The operator does not want to wait any longer."""


class Deadline:
    """A moment, `seconds` from now. Waiting for it raises TimeoutError when it is past, CancelledError on cancel."""

    def __init__(self, seconds: float, cancelled: threading.Event | None = None) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._cancelled = cancelled

    def left(self) -> float:
        """Give the seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raise if there is nothing left to wait for."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise CancelledError
        if not self.left():
            raise TimeoutError

    def slice(self) -> float:
        """Check, and give the seconds that one wait may take so that a cancel is noticed soon."""
        self.check()
        return min(_SLICE, self.left())

    def wait(self, event: threading.Event) -> None:
        """Return once the event is set."""
        while not event.wait(self.slice()):
            pass

    def sleep(self, seconds: float) -> None:
        """Pause."""
        until = time.monotonic() + seconds
        while (pause := until - time.monotonic()) > 0:
            time.sleep(min(pause, self.slice()))
