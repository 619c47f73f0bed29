"""A deadline, and the operator's cancel of the wait."""

from __future__ import annotations

import threading
import time

_SLICE = 0.1


class CancelledError(Exception):
    """The operator cancelled the wait."""


class Deadline:
    """A point in time, `seconds` from now. A wait raises TimeoutError past the deadline, CancelledError on cancel."""

    def __init__(self, seconds: float, cancelled: threading.Event | None = None) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._cancelled = cancelled

    def left(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raise TimeoutError past the deadline, CancelledError on cancel."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise CancelledError
        if not self.left():
            raise TimeoutError

    def slice(self) -> float:
        """Check, and return the seconds for one wait, short enough to notice a cancel soon."""
        self.check()
        return min(_SLICE, self.left())

    def wait(self, event: threading.Event) -> None:
        """Return once the event is set."""
        while not event.wait(self.slice()):
            pass

    def sleep(self, seconds: float) -> None:
        """Pause for the given seconds."""
        until = time.monotonic() + seconds
        while (pause := until - time.monotonic()) > 0:
            time.sleep(min(pause, self.slice()))
