"""What the emulated devices have in common: a running configuration, and a clock whose timers really fire."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any


class Shell(ABC):
    """One login's command line."""

    banner = ""
    over = False

    @property
    @abstractmethod
    def prompt(self) -> str: ...

    @abstractmethod
    def answer(self, line: str) -> str: ...


class Device(ABC):
    """A device; a minute of its clock takes `minute` seconds of ours."""

    crlf = False
    """A line ends with both characters."""
    name = "edge"

    def __init__(self, minute: float = 60.0) -> None:
        self.minute = minute
        self.said: list[str] = []
        self.refuse: str | None = None
        """A line that begins so is answered with this vendor's error."""
        self.hostile = ""
        """Added to whatever is shown."""
        self.lock = threading.RLock()
        self.rolled_back = 0
        self._timer: threading.Timer | None = None

    @abstractmethod
    def login(self) -> Shell: ...

    @abstractmethod
    def dump(self) -> str:
        """The whole running configuration, as text."""

    def set_timer(self, minutes: float, back: Callable[[], Any]) -> None:
        """Go back after some minutes, unless `confirm` comes first."""
        self.confirm()

        def fire() -> None:
            with self.lock:
                self._timer = None
                self.rolled_back += 1
                back()

        self._timer = threading.Timer(minutes * self.minute, fire)
        self._timer.daemon = True
        self._timer.start()

    def confirm(self) -> bool:
        """Stop the timer; False where none runs."""
        timer, self._timer = self._timer, None
        if timer:
            timer.cancel()
        return timer is not None

    @property
    def waiting(self) -> bool:
        return self._timer is not None

    def close(self) -> None:
        self.confirm()
