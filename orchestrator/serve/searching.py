"""Search: words in runs, incidents, and what runs did and saw. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incidents import Incident
from stopgap.orchestrator.journal.listing import RunSummary
from stopgap.orchestrator.language import rendered
from stopgap.orchestrator.text import tr

MOST = 200
"""Places that are listed."""
DEEP = 100
"""Latest runs whose records are searched."""


@dataclass(frozen=True)
class Hit:
    """A place where the words stand."""

    at: datetime | None
    title: str
    text: str
    run: str = ""
    incident: str = ""


def search(
    words: str, runs: Sequence[RunSummary], incidents: Iterable[Incident], histories: Iterable[History]
) -> list[Hit]:
    """Return where all the words stand, in English or Japanese, upper or lower case; at most MOST places."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    found: dict[Hit, None] = {}
    for hit in (*_of_incidents(incidents), *_of_runs(runs)):
        if _has(hit, wanted):
            found[hit] = None
    for history in histories:
        if len(found) >= MOST:
            break
        found |= dict.fromkeys(islice((hit for hit in _of_history(history) if _has(hit, wanted)), MOST))
    return list(found)[:MOST]


def _has(hit: Hit, wanted: Sequence[str]) -> bool:
    texts = (hit.title, hit.text, hit.run, hit.incident)
    whole = "\n".join(part for text in texts for part in (text, rendered(text, "ja"))).casefold()
    return all(word in whole for word in wanted)


def _of_incidents(incidents: Iterable[Incident]) -> Iterator[Hit]:
    for incident in incidents:
        name = incident.name
        yield Hit(incident.opened.at, name, tr("opened by {by}", by=incident.opened.by), incident=name)
        for told in incident.notes:
            yield Hit(told.at, told.by, told.text, incident=name)
        for value in incident.details.as_parameters().values():
            yield Hit(incident.opened.at, name, value, incident=name)


def _of_runs(runs: Sequence[RunSummary]) -> Iterator[Hit]:
    for run in runs:
        yield Hit(run.started, run.runbook, f"{', '.join(run.targets)}; {run.operator}", run=run.id)


def _of_history(history: History) -> Iterator[Hit]:
    run = history.run
    for host in history.started.hosts:
        addresses = ", ".join(map(str, host.addresses)) or host.address
        yield Hit(history.started_at, host.name, addresses, run=run)
    for step in history.steps:
        yield Hit(step.started, step.name, step.reason, run=run)
        for text in (*step.notes, *step.gaps):
            yield Hit(step.started, step.name, text, run=run)
    for change in history.changes:
        yield Hit(change.intended, change.host, change.change.describe(), run=run)
    for made in history.findings_now():
        for noted in made.findings:
            yield Hit(None, noted.title, noted.first, run=run)
    for answer in history.answers:
        yield Hit(None, answer.question, f"{answer.answer}; {answer.by}", run=run)
    for check in history.checks:
        yield Hit(None, check.about, check.seen, run=run)
    for message in history.messages:
        yield Hit(message.at, message.subject, message.to, run=run)
