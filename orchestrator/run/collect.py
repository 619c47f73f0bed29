"""Bringing evidence in: one exchange that streams, straight into the run's folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.evidence import EvidenceError, EvidenceStore, Origin, Quota
from orchestrator.plan import PlannedStep
from orchestrator.remote import Item
from orchestrator.run.fleet import Fleet
from orchestrator.run.interruption import Interruption
from orchestrator.run.recorder import Recorder
from orchestrator.task import Collection


@dataclass(frozen=True)
class Vault:
    """Where one run keeps evidence."""

    run_folder: Path
    operator: str
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True)
class Collected:
    """What came of a collection; `trouble` is empty where every item was answered for."""

    items: int
    size: int
    trouble: str = ""


def collect(
    step: PlannedStep,
    collection: Collection,
    fleet: Fleet,
    record: Recorder,
    vault: Vault,
    interruption: Interruption,
) -> Collected:
    """Stream a collection to disk and put it on record.

    What arrived before a lost link or an interruption is kept, with its manifest. Raises OutOfReach.
    """
    session = fleet.session(step.place)
    origin = Origin(record.run, step.key, step.target.name, step.place, session.fingerprint, vault.operator)
    items = [Item(artifact.script, artifact.deadline, artifact.cap) for artifact in collection.artifacts]
    try:
        store = EvidenceStore(vault.run_folder, origin, collection, vault.quota)
        with interruption.cutting(session.close):
            session.exchange(items, deadline=step.step.timeout, sink=store)
        kept = store.close()
    except EvidenceError as error:
        return Collected(0, 0, str(error))
    record(kept)
    trouble = f"{session.trouble}; what had arrived is kept" if session.trouble else ""
    return Collected(kept.items, kept.size, trouble)
