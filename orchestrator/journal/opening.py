"""The journal that the operator's environment names: the one way in for commands and runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from stopgap.orchestrator.journal.home import state_home
from stopgap.orchestrator.journal.local import FILE
from stopgap.orchestrator.journal.store import Journal
from stopgap.orchestrator.journal.team.address import team_address


def open_journal(environ: Mapping[str, str] | None = None, *, waits: Callable[[], bool] | None = None) -> Journal:
    """Open the journal for reading and writing: `$STOPGAP_JOURNAL`, by default SQLite in `$STOPGAP_HOME`.

    `postgresql://HOST/DATABASE` names a team's journal. Evidence, reports and locks of this machine lie below
    `$STOPGAP_HOME` in any case. A team's database that is out of reach is no error: the journal has the records of
    this machine, and tells so in `apart`.
    `waits`: for a process that another one replaces without asking, such as a runner's. An act that is not urgent
    then waits for a lost database, as long as `waits` returns True, because the other process knows nothing of acts
    whose records are on this machine alone. None: acts go on without the database. Raises JournalError.
    """
    return _open(os.environ if environ is None else environ, reading=False, waits=waits)


def open_journal_to_read(environ: Mapping[str, str] | None = None) -> Journal:
    """Open the journal for reading; a read-only state folder is enough for SQLite. Raises JournalError."""
    return _open(os.environ if environ is None else environ, reading=True)


def journal_exists(environ: Mapping[str, str] | None = None) -> bool:
    """Return True if there is a journal already; a dry run makes none. Raises JournalError."""
    values = os.environ if environ is None else environ
    return team_address(values) is not None or (state_home(values) / FILE).exists()


def _open(environ: Mapping[str, str], *, reading: bool, waits: Callable[[], bool] | None = None) -> Journal:
    home, address = state_home(environ), team_address(environ)
    if address is None:
        return Journal.open_to_read(home) if reading else Journal.open(home)
    from stopgap.orchestrator.journal.team.opening import open_team  # noqa: PLC0415 - few have a team

    return open_team(home, address, waits=waits)
