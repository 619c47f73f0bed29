"""The objects shared by all steps of a run: connection pool, journal, person, evidence."""

from __future__ import annotations

from dataclasses import dataclass, field

from stopgap.orchestrator.run.archive import Archive
from stopgap.orchestrator.run.background import Background
from stopgap.orchestrator.run.collect import Vault
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.judging import Judging
from stopgap.orchestrator.run.person import Person
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.run.shared import Shared


@dataclass(frozen=True)
class RunContext:
    """The objects shared by all steps of a run."""

    pool: ConnectionPool
    record: Recorder
    person: Person
    vault: Vault
    interruption: Interruption
    archive: Archive
    judging: Judging
    background: Background = field(default_factory=Background)
    shared: Shared = field(default_factory=Shared)
    """Exchanges that several targets share."""
