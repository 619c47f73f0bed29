"""events: the event stream of all runs, on record and as it comes; what sinks have not taken is tried again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.screen import padded, said
from stopgap.orchestrator.journal import state_home
from stopgap.orchestrator.run.looking import note_status
from stopgap.orchestrator.run.stream import Stream
from stopgap.orchestrator.severity import severity_text
from stopgap.orchestrator.sinks.delivery import Deliveries
from stopgap.orchestrator.sinks.loading import configured
from stopgap.orchestrator.text import tr
from stopgap.reading import status as read_status

_PAUSE = 0.5
"""Seconds between two looks at the journal."""
_LOOK = 60.0
"""Seconds between two looks for blocks that end soon."""
_STYLES = {"critical": "bad", "high": "bad", "medium": "warn", "low": "", "info": ""}


@dataclass(frozen=True)
class EventsOptions:
    """The options of `stopgap events`."""

    runs: tuple[str, ...] = ()
    follow: bool = False
    since: datetime | None = None
    json: bool = False


def events(options: EventsOptions) -> int:
    """Print the events of runs; with `--follow` those to come too, until Ctrl-C."""
    home = state_home()
    show = print_line if options.json else _show
    messages = screens.err()
    sinks = configured(home)
    with (
        open_journal_to_read() as journal,
        Deliveries(home, sinks, lambda line: messages.line(line, "warn")) if sinks else nullcontext() as deliveries,
    ):
        stream = Stream(journal, [journal.resolve(run) for run in options.runs], options.since)
        if options.follow and not options.runs and options.since is None:
            stream.skip()
        looked = -_LOOK
        while True:
            if options.follow and time.monotonic() - looked >= _LOOK:
                looked = time.monotonic()
                new = note_status(home, read_status(offline=True))
                if deliveries:
                    deliveries.looked(new)
            for event in stream.new():
                show(event)
            if deliveries:
                deliveries.wake()
            for run, reason in stream.newly_damaged():
                messages.line(tr("run {run} cannot be read: {reason}", run=run, reason=reason), "bad")
            if not options.follow:
                return int(bool(stream.damaged))
            time.sleep(_PAUSE)


def _show(event: Mapping[str, Any]) -> None:
    severity = padded(said(severity_text(event["severity"])), 9)
    place = padded(said(event["host"] or "-"), 11)
    head = f"{event['time'][:19]}Z  {severity} {place} {padded(event['event'], 18)}"
    screens.out().line(f"{head} {said(event['summary'])}", _STYLES[event["severity"]])
