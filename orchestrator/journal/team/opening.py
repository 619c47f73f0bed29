"""The journal of a team, as one machine opens it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from stopgap.orchestrator.journal.home import controller_name, keep_controller_name, private_folder, required_signers
from stopgap.orchestrator.journal.store import Journal, utc_now
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.journal.team.connection import Database, LostError
from stopgap.orchestrator.journal.team.locks import Holder, TeamLocks
from stopgap.orchestrator.journal.team.records import TeamTable
from stopgap.orchestrator.journal.team.shared import TeamRecords


def open_team(
    home: Path,
    address: Address,
    *,
    clock: Callable[[], datetime] = utc_now,
    waits: Callable[[], bool] | None = None,
) -> Journal:
    """Open a team's journal, with `home` for what stays on this machine; merge what this machine wrote ahead.

    A database out of reach is no error: see `Journal.apart`. `waits`: see `open_journal`. Raises JournalError.
    """
    private_folder(home)
    keep_controller_name(home)
    name = controller_name(home)
    lost: list[TeamRecords] = []

    def tell(error: LostError) -> None:
        for records in lost:
            records.lost(error)

    locks = TeamLocks(home / "runs", Database(address), Holder(_who(), f"{name} {socket.gethostname()}"), lost=tell)
    table = TeamTable(Database(address), locks.fences)
    records = TeamRecords(
        home,
        table,
        news=Database(address),
        is_held_here=locks.is_held_here,
        on_return=locks.beat,
        controller=name,
        waits=waits,
    )
    lost.append(records)
    return Journal(home, records, locks, clock=clock, signers=required_signers())


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
