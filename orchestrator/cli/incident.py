"""incident: several runs and notes of people, under one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.incident_details import ask_for_details, details_of
from stopgap.orchestrator.cli.journals import open_journal, open_journal_to_read
from stopgap.orchestrator.cli.recover import show_standing
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.cli.steps import counted, moment
from stopgap.orchestrator.cli.words import own_name
from stopgap.orchestrator.documents.incident import incident_document
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.details import FOR_AUTHORITIES, IncidentDetails
from stopgap.orchestrator.journal.incidents import (
    close_incident,
    describe_incident,
    find_incident,
    note,
    open_incident,
)
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.run.standing import hosts_stand
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class OpenOptions:
    """The options of `stopgap incident open`."""

    name: str
    file: Path | None = None
    """YAML with details."""
    details: Mapping[str, str] = field(default_factory=dict)
    json: bool = False


@dataclass(frozen=True)
class DescribeOptions:
    """The options of `stopgap incident describe`."""

    incident: str | None = None
    """None: the latest open incident."""
    file: Path | None = None
    """YAML with details."""
    details: Mapping[str, str] = field(default_factory=dict)
    json: bool = False


@dataclass(frozen=True)
class IncidentOptions:
    """The options of `stopgap incident close` and `stopgap incident show`."""

    incident: str | None = None
    """None: the latest open incident."""
    json: bool = False


@dataclass(frozen=True)
class NoteOptions:
    """The options of `stopgap incident note`."""

    text: str
    incident: str | None = None
    """None: the latest open incident."""
    went_well: bool = False
    json: bool = False


def opening(options: OpenOptions) -> int:
    """Open an incident; the details come from the options, or from the person at the terminal."""
    details = details_of(options.file, options.details)
    with open_journal() as journal:
        open_incident(journal, options.name, operator())
        details = details or (
            None if options.json else ask_for_details(screens.err(), IncidentDetails(), FOR_AUTHORITIES)
        )
        if details:
            describe_incident(journal, find_incident(journal, options.name), details, operator())
        how = tr("stopgap run … --incident {options}; stopgap incident note TEXT", options=options.name)
        return _tell(
            journal,
            options.name,
            tr("Incident {options} is open: {how}", options=options.name, how=how),
            as_json=options.json,
        )


def describing(options: DescribeOptions) -> int:
    """Add details to an incident, from the options or from the person at the terminal."""
    details = details_of(options.file, options.details)
    with open_journal() as journal:
        incident = find_incident(journal, options.incident)
        details = details or (None if options.json else ask_for_details(screens.err(), incident.details))
        if details is None:
            raise UsageError(tr("no detail was given; give --set KEY=VALUE, such as --set phone=…, or --file FILE"))
        describe_incident(journal, incident, details, operator())
        return _tell(
            journal,
            incident.name,
            tr("Incident {incident} is described.", incident=incident.name),
            as_json=options.json,
        )


def noting(options: NoteOptions) -> int:
    """Add a note, with time and author."""
    with open_journal() as journal:
        incident = find_incident(journal, options.incident)
        note(journal, incident, options.text, operator(), went_well=options.went_well)
        return _tell(journal, incident.name, tr("Noted in {incident}.", incident=incident.name), as_json=options.json)


def closing(options: IncidentOptions) -> int:
    """Close an incident."""
    with open_journal() as journal:
        incident = find_incident(journal, options.incident)
        close_incident(journal, incident, operator())
        return _tell(
            journal, incident.name, tr("Incident {incident} is closed.", incident=incident.name), as_json=options.json
        )


def _tell(journal: Journal, name: str, said: str, *, as_json: bool) -> int:
    """Print a message, or with --json the incident."""
    if as_json:
        incident = find_incident(journal, name)
        print_document(incident_document(incident, [journal.history(run) for run in incident.runs]))
    else:
        screens.out().line(said)
    return 0


def show(options: IncidentOptions) -> int:
    """Show an incident: notes and runs by time, and changes in force."""
    with open_journal_to_read() as journal:
        incident = find_incident(journal, options.incident)
        histories = [journal.history(run) for run in incident.runs]
    if options.json:
        print_document(incident_document(incident, histories))
        return 0
    screen = screens.out()
    state = tr("closed {at}", at=moment(incident.closed.at)) if incident.closed else tr("open")
    screen.line(f"{incident.name}  {said(state)}", "title")
    for key, value in incident.details.as_parameters().items():
        screen.line(f"  {key:<14}{value}")
    lines: list[tuple[datetime, str]] = [(incident.opened.at, tr("opened by {by}", by=incident.opened.by))]
    lines += [(told.at, f"{told.by}: {told.text}") for told in incident.notes]
    lines += [
        (
            h.started_at,
            tr(
                "run {run}: {runbook_name} ({state})",
                run=h.run,
                runbook_name=own_name(h),
                state=word_of(h.state),
            ),
        )
        for h in histories
    ]
    for at, text in sorted(lines):
        screen.line(f"{said(moment(at))}  {said(text)}")
    for action in incident.actions:
        added = action.added
        text = tr(
            "action {number}: {text} ({owner}, {due})",
            number=added.number,
            text=added.text,
            owner=added.owner,
            due=tr("done") if action.done else tr("by {day}", day=added.due),
        )
        screen.line(text, "quiet" if action.done else "")
    for history in histories:
        show_damage(screen, history.run, history.damage)
        if standing := history.in_force():
            screen.line(
                tr("Of {run} {standing} in force: stopgap undo {run}", run=history.run, standing=counted(standing)),
                "warn",
            )
    for host in hosts_stand(histories, incident.name):
        show_standing(screen, host)
    return 0
