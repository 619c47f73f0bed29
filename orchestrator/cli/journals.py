"""The journal as commands open it: what is lacking where a team's database is out of reach is told."""

from __future__ import annotations

from stopgap.orchestrator import journal
from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.text import tr


def open_journal() -> Journal:
    """Open the journal for reading and writing: see `orchestrator/journal/opening.py`."""
    return _told(journal.open_journal())


def open_journal_to_read() -> Journal:
    """Open the journal for reading."""
    return _told(journal.open_journal_to_read())


def tell_apart(why: str) -> None:
    """Print why only what this machine did is shown; nothing for an empty reason."""
    if why:
        screens.err().line(
            tr("The team's journal is out of reach: {why}. This machine's own runs alone are known here.", why=why),
            "warn",
        )


def _told(opened: Journal) -> Journal:
    tell_apart(opened.apart or "")
    return opened
