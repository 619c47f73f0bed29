"""incident action: what is to be done or decided after an incident, by whom and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.documents.incident import incident_document
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.incidents import add_action, find_incident, finish_action
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import Text, tr


@dataclass(frozen=True)
class AddOptions:
    """The options of `stopgap incident action add`."""

    text: str
    owner: str
    due: date
    decision: bool = False
    incident: str | None = None
    """None: the latest open incident."""
    json: bool = False


@dataclass(frozen=True)
class DoneOptions:
    """The options of `stopgap incident action done`."""

    number: int
    result: str = ""
    incident: str | None = None
    """None: the latest open incident."""
    json: bool = False


def adding(options: AddOptions) -> int:
    """Add an action with owner and due day."""
    with open_journal() as journal:
        incident = find_incident(journal, options.incident)
        number = add_action(
            journal,
            incident,
            options.text,
            operator(),
            owner=options.owner,
            due=options.due,
            decision=options.decision,
        )
        told = tr(
            "Action {number} of {incident}: {owner}, by {due}.",
            number=number,
            incident=incident.name,
            owner=options.owner,
            due=options.due,
        )
        return _tell(journal, incident.name, told, as_json=options.json)


def finishing(options: DoneOptions) -> int:
    """Record that an action is done, or a decision taken."""
    with open_journal() as journal:
        incident = find_incident(journal, options.incident)
        finish_action(journal, incident, options.number, options.result, operator())
        told = tr("Action {number} of {incident} is done.", number=options.number, incident=incident.name)
        return _tell(journal, incident.name, told, as_json=options.json)


def due_day(typed: str) -> date:
    """Return a day as typed. Raises UsageError.

    >>> due_day("2026-12-01").isoformat()
    '2026-12-01'
    """
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise UsageError(tr("--due {typed}: no day; expected one such as 2026-12-31", typed=typed)) from None


def _tell(journal: Journal, name: str, told: Text, *, as_json: bool) -> int:
    if as_json:
        incident = find_incident(journal, name)
        print_document(incident_document(incident, [journal.history(run) for run in incident.runs]))
    else:
        screens.out().line(told)
    return 0
