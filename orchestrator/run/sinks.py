"""Passes the events of a run to the operator's sinks, so that no sink can hold the run up."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

from stopgap.orchestrator.plugins import code, guarded
from stopgap.orchestrator.plugins.model import Code
from stopgap.orchestrator.run.events import EventObserver
from stopgap.orchestrator.text import tr

WAITING = 10_000
"""Events that wait for one sink at most; what comes beyond is not delivered."""
LAST = 5.0
"""Seconds that all sinks together have after the run for what still waits."""


class Sink(Protocol):
    """What takes events: an object, or a module, with a function `emit`."""

    def emit(self, event: Mapping[str, Any], /) -> None:
        """Take one event, a mapping as `run --json` writes it; whatever it raises counts as not delivered."""


class Delivery:
    """Gives events to one sink, in their order, from a thread of its own."""

    def __init__(self, name: str, emit: Callable[[Mapping[str, Any]], None], waiting: int = WAITING) -> None:
        """`waiting`: how many events wait for the sink at most."""
        self._name, self._emit = name, emit
        self._queue: queue.Queue[Mapping[str, Any] | None] = queue.Queue(waiting)
        self._given = self._delivered = 0
        self._reason = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._deliver, name=f"sink {name}", daemon=True)
        self._thread.start()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take an event; returns at once, whatever the sink does. For one thread at a time."""
        self._given += 1
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._reason = self._reason or tr("it is behind by {maxsize} events", maxsize=self._queue.maxsize)

    def close(self, until: float) -> str:
        """Wait until the moment `until` (time.monotonic) for what is left; say what was not delivered, or nothing."""
        self._closing.set()
        with suppress(queue.Full):  # then the thread looks at `_closing` once the queue is empty
            self._queue.put_nowait(None)
        self._thread.join(max(0.0, until - time.monotonic()))
        missing = self._given - self._delivered
        if not missing:
            return ""
        slow = tr("it did not take them in time") if self._thread.is_alive() else ""
        return tr(
            "sink {name}: {missing} of {given} events were not delivered: {reason}",
            name=self._name,
            missing=missing,
            given=self._given,
            reason=self._reason or slow,
        )

    def _deliver(self) -> None:
        while not (self._closing.is_set() and self._queue.empty()):
            event = self._queue.get()
            if event is None:
                return
            try:
                self._emit(event)
            except (Exception, SystemExit) as error:
                text = " ".join(str(error).split())
                self._reason = self._reason or (f"{type(error).__name__}: {text}" if text else type(error).__name__)
            else:
                self._delivered += 1


class SinkEvents(EventObserver):
    """Observes a run for the sinks of all plug-ins; a context that ends the deliveries and tells what is missing."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` gets a line for each sink to which not every event was delivered."""
        self._tell = tell
        self._deliveries: list[Delivery] = []
        super().__init__(self._pass_on)

    def __enter__(self) -> Self:
        for found in code("sinks"):
            with guarded("sinks", found.plugin.name, found.plugin.origin):
                self._deliveries.append(Delivery(found.plugin.name, _sink(found).emit))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        until = time.monotonic() + LAST
        for delivery in self._deliveries:
            if missing := delivery.close(until):
                self._tell(missing)

    def _pass_on(self, event: Mapping[str, Any]) -> None:
        for delivery in self._deliveries:
            delivery(event)


def _sink(found: Code) -> Sink:
    value = found.value() if isinstance(found.value, type) else found.value
    if not callable(getattr(value, "emit", None)):
        raise TypeError(tr("it has no function `emit(event)`"))
    return value  # type: ignore[return-value]
