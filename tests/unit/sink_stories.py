"""Runs in a journal for tests of sinks: written, delivered, and what is left of the delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import AnyRecord, RunStarted
from stopgap.orchestrator.run.stream import Stream
from stopgap.orchestrator.sinks.backlog import undelivered
from stopgap.orchestrator.sinks.delivery import Deliveries
from stopgap.orchestrator.sinks.loading import Configured, configured
from tests.unit.story import started

PATIENCE = 60
"""Seconds until a test gives up; none takes that long."""


def told(home: Path, *records: AnyRecord, first: RunStarted | None = None, ago: timedelta = timedelta()) -> str:
    """Write a run to the journal; give its id."""
    with Journal.open(home, clock=lambda: datetime.now(UTC) - ago) as journal:
        run = journal.begin(first or started())
        journal.append(run, *records)
    return run


def stream(home: Path) -> list[dict[str, Any]]:
    with Journal.open_to_read(home) as journal:
        return list(Stream(journal).new())


def deliver(home: Path, run: str, sinks: str | tuple[Configured, ...], *, last: float = PATIENCE) -> list[str]:
    """Let sinks have a run from its beginning; give what was said at the end."""
    if isinstance(sinks, str):
        (home / "sinks.yaml").write_text(f"sinks: {sinks}")
        sinks = configured(home)
    said: list[str] = []
    with Deliveries(home, sinks, said.append, last=last) as deliveries:
        deliveries.recorded(run, 0)
    return said


def left(home: Path) -> list[tuple[str, bool, int, str]]:
    with Journal.open_to_read(home) as journal:
        return [(each.sink, each.waits, each.refused, each.reason) for each in undelivered(home, journal.heads())]
