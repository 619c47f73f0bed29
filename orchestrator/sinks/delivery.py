"""Delivers the events of the journal to every sink, each in a thread of its own, for as long as a run goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stopgap.orchestrator.documents.event import RunEvents
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.sinks import looks
from stopgap.orchestrator.sinks.backlog import Place, begin, places
from stopgap.orchestrator.sinks.loading import Configured
from stopgap.orchestrator.sinks.receiver import Receiver, RefusedError
from stopgap.orchestrator.text import tr

LAST = 5.0
"""Seconds that all sinks together have at the end for what still waits."""
_BACKOFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds until another attempt, by the number of failures in a row."""


class Deliveries:
    """All sinks at work; a context that ends the deliveries and tells what is left for the next time."""

    def __init__(
        self, home: Path, sinks: Sequence[Configured], tell: Callable[[str], None], *, last: float = LAST
    ) -> None:
        """`tell` gets a line for each sink that did not take every event. `last`: seconds at the end for the rest."""
        self._home, self._tell, self._last = home, tell, last
        self._begun: set[str] = set()
        """Runs of this process, and `looks`."""
        self._workers = [_Worker(home, sink) for sink in sinks]

    def __enter__(self) -> Deliveries:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_error: object) -> None:
        until = time.monotonic() + self._last
        for worker in self._workers:
            worker.finish()
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
            if line := worker.left():
                self._tell(line)

    def recorded(self, run: str, seq: int) -> None:
        """Let the sinks have an entry of a run; returns at once, whatever the sinks do."""
        if run not in self._begun:
            self._begun.add(run)
            for worker in self._workers:
                worker.begin(run, seq)
        self.wake()

    def looked(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Let the sinks have events of `looks.note`."""
        if events:
            self.recorded(looks.NAME, int(str(events[0]["id"]).rpartition("/")[2]))

    def wake(self) -> None:
        """Let the sinks look for what is new."""
        for worker in self._workers:
            worker.wake()


class _Worker:
    """Delivers to one sink, in the order of the records of each run."""

    def __init__(self, home: Path, sink: Configured) -> None:
        self._home, self._sink = home, sink
        self._awake, self._closing = threading.Event(), threading.Event()
        self._reason = ""
        self._own: dict[str, int] = {}
        self._held: dict[str, tuple[Place, RunEvents]] = {}
        self._receiver: Receiver | None = None
        self._thread = threading.Thread(target=self._work, name=f"sink {sink.name}", daemon=True)

    def begin(self, run: str, first: int) -> None:
        self._own[run] = first
        with suppress(OSError):
            begin(self._home, self._sink.name, run, first)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._awake.set()

    def finish(self) -> None:
        self._closing.set()
        self._awake.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def left(self) -> str:
        """Say that events wait, or were refused; empty for a sink that has taken everything."""
        if self._thread.is_alive():
            reason = self._reason or tr("it did not take them in time")
        elif self._reason:
            reason = self._reason
        else:
            return ""
        return tr(
            "sink {sink}: not every event was delivered: {reason}; the rest waits for the next run, or for "
            "`stopgap events`",
            sink=self._sink.name,
            reason=reason,
        )

    def _work(self) -> None:
        failures = 0
        try:
            # Also of a team: its copy here ends with what this machine wrote, so that no machine tells another's.
            with Journal.open_to_read(self._home) as journal:
                while True:
                    self._awake.clear()
                    closing = self._closing.is_set()
                    if self._deliver_all(journal, closing=closing):
                        failures = 0
                        if closing:
                            return
                        self._awake.wait()
                    else:
                        if closing:
                            return
                        self._closing.wait(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                        failures += 1
        except (JournalError, OSError) as error:
            self._reason = str(error)
        finally:
            for place, _ in self._held.values():
                place.close(complete=False)
            if self._receiver is not None:
                with suppress(Exception):
                    self._receiver.close()

    def _deliver_all(self, journal: Journal, *, closing: bool) -> bool:
        """Deliver what there is; return False where the sink did not take an event.

        `closing`: as of before the journal is read, so that nothing comes after what is read here.
        """
        for run, first in list(self._own.items()):  # another process may have ended the file meanwhile
            if run not in self._held:
                self.begin(run, first)
        for path in places(self._home, self._sink.name):
            run = path.name
            entry = self._held.get(run)
            if entry is None:
                place = Place.take(path)
                if place is None:
                    continue
                entry = self._held[run] = (place, _events(journal, run))
            place, events = entry
            try:
                if not self._deliver(place, _after(journal, self._home, run, events, place)):
                    return False
            except JournalError as error:  # a damaged record: nothing after it can be told
                self._reason = str(error)
                place.fail(self._reason)
                continue
            if closing or run not in self._own:
                goes_on = run != looks.NAME and journal.is_held(run)
                last = looks.last(self._home) if run == looks.NAME else journal.heads().get(run, -1)
                place.close(complete=last < place.next and not goes_on)
                del self._held[run]
                self._own.pop(run, None)
        return True

    def _deliver(self, place: Place, entries: Iterator[tuple[int, list[dict[str, Any]]]]) -> bool:
        for seq, events in entries:
            for number, event in enumerate(events):
                if seq == place.next and number < place.done:
                    continue
                refused = ""
                if self._sink.takes(event):
                    try:
                        self._send(event)
                    except RefusedError as error:
                        refused = _words(error)
                    except (OSError, Error) as error:
                        self._reason = _words(error)
                        place.fail(self._reason)
                        return False
                    except (Exception, SystemExit) as error:
                        refused = _words(error)
                    self._reason = refused or self._reason
                place.advance(seq, number + 1, refused=refused)
            place.advance(seq + 1, 0)
        if not place.refused:
            self._reason = ""
        return True

    def _send(self, event: Mapping[str, Any]) -> None:
        if self._receiver is None:
            self._receiver = self._sink.open()
        self._receiver.send(event)


def _events(journal: Journal, run: str) -> RunEvents:
    return RunEvents(run, lambda: journal.records(run), report=journal.run_path(run) / "report.html")


def _after(
    journal: Journal, home: Path, run: str, events: RunEvents, place: Place
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield number and events of each entry that the place has not passed."""
    if run == looks.NAME:
        yield from ((number, [event]) for number, event in looks.after(home, place.next))
        return
    for entry in journal.after(run, place.next - 1):
        yield entry.seq, list(events.of(entry))


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    if isinstance(error, RefusedError | OSError | Error) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
