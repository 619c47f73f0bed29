"""Collections beside the other steps of a target: when each has begun, and when it has to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.run.interruption import Interruption

_POLL = 0.1
"""Seconds between two looks at whether a collection has to end."""
TAIL = 2.0
"""Seconds that a collection goes on after the other steps: packets after the last list of sockets."""


@dataclass
class Background:
    """The collections of a run beside other steps. Thread-safe."""

    _begun: dict[tuple[str, str], threading.Event] = field(default_factory=dict)
    _over: dict[str, threading.Event] = field(default_factory=dict)
    _stopped: dict[str, threading.Event] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begun(self, step: str, target: str) -> threading.Event:
        """Return the event of a step's collection on a target; the collection sets it once it runs."""
        with self._lock:
            return self._begun.setdefault((step, target), threading.Event())

    def steps_over(self, target: str) -> None:
        """Tell the target's collections that the other steps have ended."""
        self._of(self._over, target).set()

    def stop(self, target: str) -> None:
        """End the target's collections at once."""
        self._of(self._stopped, target).set()

    @contextmanager
    def ending(
        self, step: PlannedStep, enough: Callable[[], None], interruption: Interruption, *, with_steps: bool
    ) -> Iterator[None]:
        """During the block, call `enough` once the collection has to end, again and again until the block ends.

        `with_steps`: also TAIL seconds after the target's other steps have ended.
        """
        done = threading.Event()
        over, stopped = self._of(self._over, step.target.name), self._of(self._stopped, step.target.name)

        def watch() -> None:
            until = float("inf")
            while not done.wait(_POLL):
                if with_steps and over.is_set():
                    until = min(until, time.monotonic() + TAIL)
                if interruption.requested.is_set() or stopped.is_set() or time.monotonic() >= until:
                    enough()

        watcher = threading.Thread(target=watch, name="collection beside", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _of(self, events: dict[str, threading.Event], target: str) -> threading.Event:
        with self._lock:
            return events.setdefault(target, threading.Event())
