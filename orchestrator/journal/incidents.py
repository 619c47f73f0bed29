"""Incidents: several runs and notes of people under one name, with a hash chain like the records of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from stopgap.orchestrator.journal.details import IncidentDetails
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.incident_records import (
    ActionAdded,
    ActionDone,
    DutyDecided,
    IncidentClosed,
    IncidentDescribed,
    IncidentOpened,
    Noted,
)
from stopgap.orchestrator.journal.records import RunStarted
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.text import tr

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}", re.ASCII)
_PREFIX = "incident-"
_KINDS = (
    "incident-opened",
    "incident-described",
    "noted",
    "duty-decided",
    "action-added",
    "action-done",
    "incident-closed",
    "run-started",
)


@dataclass(frozen=True)
class Told:
    """A note, with its time and author."""

    at: datetime
    by: str
    text: str
    went_well: bool = False


@dataclass(frozen=True)
class Action:
    """Something to do or to decide, with an owner and a due day."""

    added: ActionAdded
    done: ActionDone | None = None
    done_at: datetime | None = None


@dataclass(frozen=True)
class Incident:
    """The present state of an incident."""

    name: str
    opened: Told
    notes: tuple[Told, ...]
    closed: Told | None
    runs: tuple[str, ...]
    """Runs in order of their start."""
    details: IncidentDetails = field(default_factory=IncidentDetails)
    duties: tuple[DutyDecided, ...] = ()
    """What people decided about duties to notify, in order of time."""
    actions: tuple[Action, ...] = ()


def open_incident(journal: Journal, name: str, by: str) -> None:
    """Open an incident; raises JournalError for an unfit name or a name in use."""
    if not NAME.fullmatch(name):
        raise JournalError(
            tr("{name} is no name for an incident: lower-case letters, digits and `-`, 41 at most", name=f"{name!r}")
        )
    if any(each.name == name for each in incidents(journal)):
        raise JournalError(tr("there is an incident {name} already", name=name))
    journal.append(_PREFIX + name, IncidentOpened(name=name, by=by))


def note(journal: Journal, incident: Incident, text: str, by: str, *, went_well: bool = False) -> None:
    """Add a note to an open or closed incident; raises JournalError."""
    journal.append(_PREFIX + incident.name, Noted(text=text, by=by, went_well=went_well))


def add_action(
    journal: Journal, incident: Incident, text: str, by: str, *, owner: str, due: date, decision: bool
) -> int:
    """Add an action to an open or closed incident, and return its number; raises JournalError."""
    number = len(incident.actions) + 1
    added = ActionAdded(number=number, text=text, owner=owner, due=due.isoformat(), decision=decision, by=by)
    journal.append(_PREFIX + incident.name, added)
    return number


def finish_action(journal: Journal, incident: Incident, number: int, result: str, by: str) -> None:
    """Record that an action is done; raises JournalError for an unknown number, or an action that is done."""
    found = next((each for each in incident.actions if each.added.number == number), None)
    if found is None:
        known = ", ".join(str(each.added.number) for each in incident.actions) or tr("none")
        raise JournalError(
            tr(
                "incident {incident} has no action {number}; there are {known}",
                incident=incident.name,
                number=number,
                known=known,
            )
        )
    if found.done:
        raise JournalError(tr("action {number} is done already, by {by}", number=number, by=found.done.by))
    journal.append(_PREFIX + incident.name, ActionDone(number=number, result=result, by=by))


def describe_incident(journal: Journal, incident: Incident, details: IncidentDetails, by: str) -> None:
    """Add details to an incident; known fields replace earlier ones. Raises JournalError."""
    journal.append(_PREFIX + incident.name, IncidentDescribed(details=details, by=by))


def decide_duty(journal: Journal, incident: Incident, decided: DutyDecided) -> None:
    """Add a decision about a duty to an open or closed incident; raises JournalError."""
    journal.append(_PREFIX + incident.name, decided)


def close_incident(journal: Journal, incident: Incident, by: str) -> None:
    """Close the incident; raises JournalError for a closed incident."""
    if incident.closed:
        raise JournalError(tr("incident {incident} is closed already", incident=incident.name))
    journal.append(_PREFIX + incident.name, IncidentClosed(by=by))


def incidents(journal: Journal) -> Iterator[Incident]:
    """Yield all incidents, in order of their opening."""
    notes: dict[str, list[Told]] = {}
    opened: dict[str, Told] = {}
    closed: dict[str, Told] = {}
    runs: dict[str, list[str]] = {}
    details: dict[str, IncidentDetails] = {}
    duties: dict[str, list[DutyDecided]] = {}
    actions: dict[str, dict[int, Action]] = {}
    for run, entry in journal.of_kinds(*_KINDS):
        match entry.record:
            case IncidentOpened() as record:
                opened[record.name] = Told(entry.at, record.by, "")
            case IncidentDescribed() as record:
                name = run.removeprefix(_PREFIX)
                details[name] = details.get(name, IncidentDetails()).with_more(record.details)
            case Noted() as record:
                notes.setdefault(run.removeprefix(_PREFIX), []).append(
                    Told(entry.at, record.by, record.text, record.went_well)
                )
            case ActionAdded() as record:
                actions.setdefault(run.removeprefix(_PREFIX), {})[record.number] = Action(record)
            case ActionDone() as record if found := actions.get(run.removeprefix(_PREFIX), {}).get(record.number):
                actions[run.removeprefix(_PREFIX)][record.number] = Action(found.added, record, entry.at)
            case DutyDecided() as record:
                duties.setdefault(run.removeprefix(_PREFIX), []).append(record)
            case IncidentClosed() as record:
                closed[run.removeprefix(_PREFIX)] = Told(entry.at, record.by, "")
            case RunStarted() as record if record.incident:
                runs.setdefault(record.incident, []).append(run)
    for name, told in opened.items():
        yield Incident(
            name,
            told,
            tuple(notes.get(name, ())),
            closed.get(name),
            tuple(runs.get(name, ())),
            details.get(name, IncidentDetails()),
            tuple(duties.get(name, ())),
            tuple(actions.get(name, {}).values()),
        )


def find_incident(journal: Journal, name: str | None) -> Incident:
    """Return the incident with the name, or the latest open incident; raises JournalError."""
    known = list(incidents(journal))
    for each in reversed(known):
        if each.name == name or (name is None and not each.closed):
            return each
    if name is None:
        raise JournalError(tr("no incident is open; `stopgap incident open NAME` opens one"))
    raise JournalError(
        tr("there is no incident {name}", name=name)
        + (tr("; there are {known}", known=", ".join(i.name for i in known)) if known else "")
    )
