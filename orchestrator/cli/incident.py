"""incident: several runs and notes of people, under one name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.cli.steps import counted, moment
from stopgap.orchestrator.cli.words import word_of
from stopgap.orchestrator.documents.incident import incident_document
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.incidents import close_incident, find_incident, note, open_incident
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class OpenOptions:
    """The options of `stopgap incident open`."""

    name: str
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
    json: bool = False


def opening(options: OpenOptions) -> int:
    """Open an incident."""
    with Journal.open(state_home()) as journal:
        open_incident(journal, options.name, operator())
        how = tr("stopgap run … --incident {options}; stopgap incident note TEXT", options=options.name)
        return _tell(
            journal,
            options.name,
            tr("Incident {options} is open: {how}", options=options.name, how=how),
            as_json=options.json,
        )


def noting(options: NoteOptions) -> int:
    """Add a note, with time and author."""
    with Journal.open(state_home()) as journal:
        incident = find_incident(journal, options.incident)
        note(journal, incident, options.text, operator())
        return _tell(journal, incident.name, tr("Noted in {incident}.", incident=incident.name), as_json=options.json)


def closing(options: IncidentOptions) -> int:
    """Close an incident."""
    with Journal.open(state_home()) as journal:
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
    with Journal.open_to_read(state_home()) as journal:
        incident = find_incident(journal, options.incident)
        histories = [journal.history(run) for run in incident.runs]
    if options.json:
        print_document(incident_document(incident, histories))
        return 0
    screen = screens.out()
    state = tr("closed {at}", at=moment(incident.closed.at)) if incident.closed else tr("open")
    screen.line(f"{incident.name}  {said(state)}", "title")
    lines: list[tuple[datetime, str]] = [(incident.opened.at, tr("opened by {by}", by=incident.opened.by))]
    lines += [(told.at, f"{told.by}: {told.text}") for told in incident.notes]
    lines += [
        (
            h.started_at,
            tr(
                "run {run}: {runbook_name} ({state})",
                run=h.run,
                runbook_name=h.started.runbook_name,
                state=word_of(h.state),
            ),
        )
        for h in histories
    ]
    for at, text in sorted(lines):
        screen.line(f"{said(moment(at))}  {said(text)}")
    for history in histories:
        show_damage(screen, history.run, history.damage)
        if standing := history.in_force():
            screen.line(
                tr("Of {run} {standing} in force: stopgap undo {run}", run=history.run, standing=counted(standing)),
                "warn",
            )
    return 0
