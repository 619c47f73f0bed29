"""incident: several runs and notes of people, under one name."""

from __future__ import annotations

from argparse import Namespace

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.steps import counted, moment
from stopgap.orchestrator.documents.incident import incident_document
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.journal.incidents import close_incident, find_incident, note, open_incident
from stopgap.orchestrator.run.person import operator


def opening(args: Namespace) -> int:
    """Open an incident."""
    with Journal.open(state_home()) as journal:
        open_incident(journal, args.name, operator())
        how = f"stopgap run … --incident {args.name}; stopgap incident note TEXT"
        return _tell(journal, args.name, f"Incident {args.name} is open: {how}", as_json=args.json)


def noting(args: Namespace) -> int:
    """Add a note, with time and author."""
    with Journal.open(state_home()) as journal:
        incident = find_incident(journal, args.incident)
        note(journal, incident, args.text, operator())
        return _tell(journal, incident.name, f"Noted in {incident.name}.", as_json=args.json)


def closing(args: Namespace) -> int:
    """Close an incident."""
    with Journal.open(state_home()) as journal:
        incident = find_incident(journal, args.incident)
        close_incident(journal, incident, operator())
        return _tell(journal, incident.name, f"Incident {incident.name} is closed.", as_json=args.json)


def _tell(journal: Journal, name: str, said: str, *, as_json: bool) -> int:
    """Print a message, or with --json the incident."""
    if as_json:
        incident = find_incident(journal, name)
        print_document(incident_document(incident, [journal.history(run) for run in incident.runs]))
    else:
        screens.out().line(said)
    return 0


def show(args: Namespace) -> int:
    """Show an incident: notes and runs by time, and changes in force."""
    with Journal.open_to_read(state_home()) as journal:
        incident = find_incident(journal, args.incident)
        histories = [journal.history(run) for run in incident.runs]
    if args.json:
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
