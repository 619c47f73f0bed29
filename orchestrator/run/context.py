"""What every step of a run shares: connections, journal, person, evidence."""

from __future__ import annotations

from dataclasses import dataclass

from stopgap.orchestrator.run.archive import Archive
from stopgap.orchestrator.run.collect import Vault
from stopgap.orchestrator.run.fleet import Fleet
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.judging import Judging
from stopgap.orchestrator.run.person import Person
from stopgap.orchestrator.run.recorder import Recorder


@dataclass(frozen=True)
class Surroundings:
    """What every step of a run shares."""

    fleet: Fleet
    record: Recorder
    person: Person
    vault: Vault
    interruption: Interruption
    archive: Archive
    judging: Judging
