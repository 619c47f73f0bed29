"""The event stream of a journal: what is on record of all runs, and what comes, from whatever process."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from heapq import merge
from typing import Any

from stopgap.orchestrator.documents.event import RunEvents
from stopgap.orchestrator.journal import Journal, JournalError, UnknownRunError
from stopgap.orchestrator.sinks import looks


class Stream:
    """Events of some runs, or of all; nothing is told twice, and a run that cannot be read is told by its reason."""

    def __init__(self, journal: Journal, runs: Collection[str] = (), since: datetime | None = None) -> None:
        """`runs`: only of these. `since`: only events of that time or later."""
        self._journal = journal
        self._runs = frozenset(runs)
        self._since = since
        self._told: dict[str, int] = {}
        self._looked = 0
        self._first = True
        self._complained: set[str] = set()
        self._events: dict[str, RunEvents] = {}
        self.damaged: dict[str, str] = {}
        """Run → why its records cannot be read; they are not looked at again."""

    def skip(self) -> None:
        """Leave out what is there already."""
        self._told = self._journal.heads()
        self._looked = looks.last(self._journal.home) + 1

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield what was not told yet, in the order of time."""
        heads = self._journal.heads(self._since if self._first else None)
        self._first = False
        fresh = [run for run, seq in heads.items() if self._is_wanted(run) and seq > self._told.get(run, -1)]
        parts = [self._of_run(run) for run in fresh]
        for event in merge(*parts, self._of_looks(), key=lambda event: str(event["time"])):
            if self._since is None or datetime.fromisoformat(event["time"]) >= self._since:
                yield event
        for run in fresh:
            if not self._journal.is_held(run):
                self._events.pop(run, None)

    def newly_damaged(self) -> list[tuple[str, str]]:
        """Return the runs that were found damaged since the last call, each with the reason."""
        new = [(run, why) for run, why in self.damaged.items() if run not in self._complained]
        self._complained.update(self.damaged)
        return new

    def _is_wanted(self, run: str) -> bool:
        return run not in self.damaged and (not self._runs or run in self._runs)

    def _of_run(self, run: str) -> Iterator[dict[str, Any]]:
        journal = self._journal
        if run not in self._events:
            report = journal.run_path(run) / "report.html"
            self._events[run] = RunEvents(run, lambda: journal.records(run), report=report)
        try:
            for entry in journal.after(run, self._told.get(run, -1)):
                yield from self._events[run].of(entry)
                self._told[run] = entry.seq
        except UnknownRunError:  # pruned meanwhile
            return
        except JournalError as error:
            self.damaged[run] = str(error)

    def _of_looks(self) -> Iterator[dict[str, Any]]:
        for number, event in looks.after(self._journal.home, self._looked):
            self._looked = number + 1
            if self._is_wanted(event["run"]):
                yield event


def moment_of(text: str, now: datetime | None = None) -> datetime:
    """Return the time that `--since` means: a length of time before now, such as `2h`, or a time of ISO 8601.

    Raises Unfit.

    >>> moment_of("90m", datetime(2026, 11, 29, 12, 0, tzinfo=UTC)).isoformat()
    '2026-11-29T10:30:00+00:00'
    """
    from stopgap.orchestrator.duration import parse_duration  # noqa: PLC0415
    from stopgap.orchestrator.source import Unfit  # noqa: PLC0415
    from stopgap.orchestrator.text import tr  # noqa: PLC0415

    try:
        return (now or datetime.now(UTC)) - parse_duration(text)
    except Unfit:
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        expected = tr("a length of time, such as 2h, or a time, such as 2026-11-29T12:00Z")
        raise Unfit(tr("`{text}` is no time", text=text), expected) from None
    return read if read.tzinfo else read.astimezone()
