"""Journals of both kinds, opened as the commands open them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.journal.team.connection import Database
from stopgap.orchestrator.journal.team.opening import open_team
from stopgap.orchestrator.journal.team.schema import install

from .postgres import Cluster


@dataclass(frozen=True)
class Journals:
    """Opens the journal for a state folder: SQLite in it, or one database for all state folders."""

    cluster: Cluster | None = None

    @classmethod
    @contextmanager
    def in_postgresql(cls, cluster: Cluster) -> Iterator[Journals]:
        """Make an empty journal in a database."""
        cluster.run("DROP SCHEMA IF EXISTS stopgap CASCADE")
        database = Database(Address(cluster.url(), "postgresql://test"))
        install(database)
        database.close()
        yield cls(cluster)

    @property
    def address(self) -> Address:
        """The address of the database."""
        assert self.cluster
        return Address(self.cluster.url(), "postgresql://test")

    def open(self, home: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Journal:
        """Open the journal."""
        return open_team(home, self.address, clock=clock) if self.cluster else Journal.open(home, clock=clock)

    def environ(self, home: Path) -> dict[str, str]:
        """Return the variables with which a command opens the journal."""
        return {"STOPGAP_HOME": str(home), "STOPGAP_JOURNAL": self.cluster.url() if self.cluster else ""}
