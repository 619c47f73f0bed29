"""What happened when, over runs and incidents: the events of the reports, a page at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incidents import Incident
from stopgap.orchestrator.report.model import Event
from stopgap.orchestrator.report.timeline import timeline

ON_A_PAGE = 100
"""Events on one page."""


@dataclass(frozen=True)
class Happened:
    """An event, with the run or the incident that it belongs to."""

    event: Event
    run: str = ""
    incident: str = ""


@dataclass(frozen=True)
class TimelinePage:
    """One page of events, the latest first."""

    events: tuple[Happened, ...]
    page: int
    pages: int
    found: int
    hosts: tuple[str, ...]


def timeline_page(
    histories: Iterable[History], incidents: Iterable[Incident], *, page: int, host: str = ""
) -> TimelinePage:
    """Return a page of the events of runs and the notes of incidents; a page past the last is the last."""
    found = [Happened(event, run=history.run) for history in histories for event in timeline(history)]
    for incident in incidents:
        found += [Happened(event, incident=incident.name) for event in _notes(incident)]
    hosts = tuple(sorted({each.event.host for each in found} - {""}))
    chosen: Sequence[Happened] = sorted(
        (each for each in found if not host or each.event.host == host), key=lambda each: each.event.at, reverse=True
    )
    pages = max(1, -(-len(chosen) // ON_A_PAGE))
    page = min(page, pages)
    first = (page - 1) * ON_A_PAGE
    return TimelinePage(tuple(chosen[first : first + ON_A_PAGE]), page, pages, len(chosen), hosts)


def _notes(incident: Incident) -> list[Event]:
    return [
        Event(at=told.at, kind="note", result="", host="", text=told.text, detail=told.by) for told in incident.notes
    ]
