"""Bringing evidence in: one exchange that streams, straight into the run's folder."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.evidence import EvidenceError, EvidenceStore, Origin, Quota
from orchestrator.findings import shipped_rules
from orchestrator.findings.keeping import keep_findings
from orchestrator.plan import PlannedStep
from orchestrator.run.arrival import Arrival, is_worth_compressing, items_of
from orchestrator.run.fleet import Fleet
from orchestrator.run.interruption import Interruption
from orchestrator.run.recorder import Recorder
from orchestrator.source import InvalidInput
from orchestrator.task import Collection
from orchestrator.toolkit import ToolkitError


@dataclass(frozen=True)
class Vault:
    """Where one run keeps evidence."""

    run_folder: Path
    operator: str
    quota: Quota = field(default_factory=Quota)
    recipients: tuple[str, ...] = ()
    """Public keys that evidence is encrypted to."""


@dataclass(frozen=True)
class Collected:
    """What came of a collection; `trouble` is empty where every item was answered for."""

    items: int
    size: int
    trouble: str = ""
    wire: int | None = None
    """Bytes that came over the wire, where the host compressed them."""


def collect(
    step: PlannedStep,
    collection: Collection,
    fleet: Fleet,
    record: Recorder,
    vault: Vault,
    interruption: Interruption,
) -> Collected:
    """Stream a collection to disk, put it on record, and see what it means.

    What arrived before a lost link or an interruption is kept, with its manifest. Raises OutOfReach.
    """
    session = fleet.session(step.place)
    origin = Origin(record.run, step.key, step.target.name, step.place, session.fingerprint, vault.operator)
    token = secrets.token_hex(8) if collection.toolkit else ""
    try:
        equipped = _equipped(collection, token)
        with interruption.cutting(session.close):
            compressed = is_worth_compressing(collection, session)
        session = fleet.session(step.place)
        store = EvidenceStore(
            vault.run_folder, origin, collection, vault.quota, recipients=vault.recipients, token=token
        )
        threading.Thread(target=_load_rules, daemon=True).start()  # while the host is at work
        arrival = Arrival(store, collection, compressed=compressed, tell=lambda now: record.progress(step, now))
        deadline = step.step.timeout or collection.deadline
        with interruption.cutting(session.close):
            session.exchange(items_of(equipped, compressed=compressed), deadline=deadline, sink=arrival)
        kept = store.close()
    except (EvidenceError, ToolkitError) as error:
        return Collected(0, 0, str(error))
    record(kept)
    record(keep_findings(vault.run_folder, kept, shipped_rules, stop=interruption.requested.is_set))
    trouble = f"{session.trouble}; what had arrived is kept" if session.trouble else ""
    return Collected(kept.items, kept.size, trouble, arrival.wire if compressed else None)


def _equipped(collection: Collection, token: str) -> Collection:
    """Give the collection as it is sent: what travels with a script goes before it. Raises ToolkitError."""
    kit = collection.toolkit
    sent = []
    for number, artifact in enumerate(collection.artifacts):
        opening = kit.opening(token) if kit else ""
        if kit and number == 0:
            opening += kit.pouring()
        if artifact.program:
            opening += artifact.program.pouring()
        sent.append(artifact.model_copy(update={"script": opening + artifact.script}))
    return collection.model_copy(update={"artifacts": tuple(sent)})


def _load_rules() -> None:
    with suppress(InvalidInput, FileNotFoundError):  # whoever needs them is told
        shipped_rules()
