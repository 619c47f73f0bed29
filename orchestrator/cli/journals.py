"""The journal as commands open it: what is lacking where a team's database is out of reach is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.written import note_written
from stopgap.orchestrator.journal import opening
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import Journal


@contextmanager
def open_journal() -> Iterator[Journal]:
    """Open the journal for reading and writing: see `orchestrator/journal/opening.py`."""
    with _noting(opening.open_journal()) as opened:
        yield opened


@contextmanager
def open_journal_to_read() -> Iterator[Journal]:
    """Open the journal for reading."""
    with _noting(opening.open_journal_to_read()) as opened:
        yield opened


def tell_apart(why: str) -> None:
    """Print why only what this machine did is shown; nothing for an empty reason."""
    if why:
        screens.err().line(
            tr("The team's journal is out of reach: {why}. This machine's own runs alone are known here.", why=why),
            "warn",
        )


@contextmanager
def _noting(opened: Journal) -> Iterator[Journal]:
    with opened:
        tell_apart(opened.apart or "")
        try:
            yield opened
        finally:
            note_written(opened)
