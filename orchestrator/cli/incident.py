"""incident: several runs and notes of people, under one name."""

from __future__ import annotations

from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.steps import counted, moment
from stopgap.orchestrator.documents.incident import incident_document
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.incidents import close_incident, find_incident, note, open_incident
from stopgap.orchestrator.run.person import operator


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
        how = f"stopgap run … --incident {options.name}; stopgap incident note TEXT"
        return _tell(journal, options.name, f"Incident {options.name} is open: {how}", as_json=options.json)


def noting(options: NoteOptions) -> int:
    """Add a note, with time and author."""
    with Journal.open(state_home()) as journal:
        incident = find_incident(journal, options.incident)
        note(journal, incident, options.text, operator())
        return _tell(journal, incident.name, f"Noted in {incident.name}.", as_json=options.json)


def closing(options: IncidentOptions) -> int:
    """Close an incident."""
    with Journal.open(state_home()) as journal:
        incident = find_incident(journal, options.incident)
        close_incident(journal, incident, operator())
        return _tell(journal, incident.name, f"Incident {incident.name} is closed.", as_json=options.json)


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
    state = f"closed {moment(incident.closed.at)}" if incident.closed else "open"
    screen.line(f"{incident.name}  {state}", "title")
    lines = [(incident.opened.at, f"opened by {incident.opened.by}")]
    lines += [(told.at, f"{told.by}: {told.text}") for told in incident.notes]
    lines += [(h.started_at, f"run {h.run}: {h.started.runbook_name} ({h.state})") for h in histories]
    for at, text in sorted(lines):
        screen.line(f"{moment(at)}  {text}")
    for history in histories:
        show_damage(screen, history.run, history.damage)
        if standing := history.in_force():
            screen.line(f"Of {history.run} {counted(standing)} in force: stopgap undo {history.run}", "warn")
    return 0
