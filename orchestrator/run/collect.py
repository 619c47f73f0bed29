"""Collect evidence: one streaming exchange, written directly to the run's folder."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stopgap.orchestrator.evidence.closing import EvidenceError, settle
from stopgap.orchestrator.evidence.interrupted import close_broken_off
from stopgap.orchestrator.evidence.resume import Taken, taken_already
from stopgap.orchestrator.evidence.ring import Ring
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.plan import PlannedStep
from stopgap.orchestrator.remote import Session
from stopgap.orchestrator.run.background import Background
from stopgap.orchestrator.run.connection_pool import ConnectionPool
from stopgap.orchestrator.run.evidence_stream import Arrival, is_worth_compressing, items_of
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.judging import Judging
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.task import Artifact, Collection
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.toolkit import ToolkitError

_ENDLESS = 1 << 50
"""Bytes of a capture that is kept in parts."""
COLLECTIONS_AT_ONCE = 32
"""Most parallel collections of one run; each uses the controller's processor and disk."""


@dataclass(frozen=True)
class Vault:
    """The evidence folder of one run, with a limit on parallel collections."""

    run_folder: Path
    operator: str
    quota: Quota = field(default_factory=Quota)
    recipients: tuple[str, ...] = ()
    """Public keys for the encryption of evidence."""
    _turns: threading.Semaphore = field(default_factory=partial(threading.Semaphore, COLLECTIONS_AT_ONCE))

    @contextmanager
    def turn(self, interruption: Interruption) -> Iterator[None]:
        """Wait for a free slot for one more collection, or for an interruption of the run."""
        while not (mine := self._turns.acquire(timeout=0.5)) and not interruption.requested.is_set():
            pass
        try:
            yield
        finally:
            if mine:
                self._turns.release()


@dataclass(frozen=True)
class Collected:
    """The outcome of a collection; `trouble` is empty if every artifact was answered."""

    items: int
    size: int
    trouble: str = ""
    wire: int | None = None
    """Bytes received on the connection, if compressed by the host."""
    earlier: int = 0
    """Items already received by an interrupted attempt."""


def collect(
    step: PlannedStep,
    collection: Collection,
    pool: ConnectionPool,
    record: Recorder,
    vault: Vault,
    interruption: Interruption,
    judging: Judging,
    background: Background,
) -> Collected:
    """Stream a collection to disk, record the collection, and submit the evidence to the rules during the run.

    Evidence received before a lost connection or an interruption is kept with its manifest. A collection beside other
    steps has a connection of its own. Raises OutOfReach.
    """
    with (pool.fresh if collection.beside else pool.collecting)(step.place) as session:
        return _collect(step, collection, session, _Run(pool, record, vault, interruption, judging, background))


@dataclass(frozen=True)
class _Run:
    """The objects of the run used by a collection."""

    pool: ConnectionPool
    record: Recorder
    vault: Vault
    interruption: Interruption
    judging: Judging
    background: Background


def _collect(step: PlannedStep, collection: Collection, session: Session, run: _Run) -> Collected:
    record, vault, interruption = run.record, run.vault, run.interruption
    origin = Origin(record.run, step.key, step.target.name, step.place, session.fingerprint, vault.operator)
    token = secrets.token_hex(8) if collection.toolkit else ""
    try:
        taken = {} if step.changes else _taken(step, collection, record, vault)
        further = collection.beside.parts if collection.beside else ()
        left = [n for n, artifact in enumerate(collection.artifacts) if artifact.id not in {*taken, *further}]
        sent = (_as_sent(collection, collection.artifacts[number]) for number in left)
        asked = collection.model_copy(update={"artifacts": tuple(sent)})
        equipped = _equipped(asked, token)
        with interruption.cutting(session.close):
            compressed = is_worth_compressing(asked, session)
        session = session if session.alive or collection.beside else run.pool.session(step.place)
        store = EvidenceStore(
            vault.run_folder, origin, collection, vault.quota, recipients=vault.recipients, token=token, taken=taken
        )
        begun = run.background.begun(step.step.id, step.target.name)
        rest = _Rest(store, left, _number(collection), begun, _ring(collection, store))
        arrival = Arrival(rest, asked, compressed=compressed, tell=lambda now: record.progress(step, now))
        deadline = step.step.timeout or collection.deadline
        with _ending(step, collection, session, run):
            session.exchange(items_of(equipped, compressed=compressed), deadline=deadline, sink=arrival)
        kept = store.close()
    except (EvidenceError, ToolkitError) as error:
        return Collected(0, 0, str(error))
    _keep(kept, record, vault)
    run.judging.submit(kept, step.step.timeout)
    trouble = tr("{trouble}; what had arrived is kept", trouble=session.trouble) if session.trouble else ""
    return Collected(kept.items, kept.size, trouble, arrival.wire if compressed else None, len(taken))


def keep_broken_off(record: Recorder, vault: Vault, judging: Judging) -> None:
    """Close and record the evidence of collections left open by a dead process.

    Collections not judged to the end are judged now.
    """
    history = record.history()
    judged = {made.folder for made in history.findings if not (made.trouble or made.unread)}
    for kept in history.evidence:
        (judging.know if kept.folder in judged else judging.submit)(kept)
    for kept in close_broken_off(vault.run_folder, {kept.folder for kept in history.evidence}):
        _keep(kept, record, vault)
        judging.submit(kept)


def _keep(kept: EvidenceKept, record: Recorder, vault: Vault) -> None:
    record(kept)
    settle(vault.run_folder / kept.folder)


def _number(collection: Collection) -> int | None:
    """Return the number of the artifact that goes on until it is told to end."""
    until = collection.beside.until if collection.beside else ""
    return next((number for number, artifact in enumerate(collection.artifacts) if artifact.id == until), None)


def _ring(collection: Collection, store: EvidenceStore) -> Ring | None:
    """Return the ring of a capture that is kept in parts."""
    beside, first = collection.beside, _number(collection)
    if beside is None or not beside.parts or first is None:
        return None
    further = [number for number, artifact in enumerate(collection.artifacts) if artifact.id in beside.parts]
    return Ring([first, *further], beside.part_size, beside.part_seconds, store)


def _as_sent(collection: Collection, artifact: Artifact) -> Artifact:
    """Return an artifact as the host is asked for it: the parts of a ring are bounded here, the whole is not."""
    ring = collection.beside is not None and collection.beside.parts and artifact.id == collection.beside.until
    return artifact.model_copy(update={"cap": _ENDLESS}) if ring else artifact


@contextmanager
def _ending(step: PlannedStep, collection: Collection, session: Session, run: _Run) -> Iterator[None]:
    """During the block, an interruption ends the collection; one beside other steps ends in good order first."""
    if collection.beside is None:
        with run.interruption.cutting(session.close):
            yield
        return
    with (
        run.interruption.cutting(session.close, gently=True),
        run.background.ending(step, session.enough, run.interruption, with_steps=collection.beside.with_steps),
    ):
        yield


@dataclass(frozen=True)
class _Rest:
    """Receives the requested artifacts, by their numbers in the whole collection."""

    store: EvidenceStore
    numbers: Sequence[int]
    going_on: int | None
    """The artifact that goes on until it is told to end."""
    begun: threading.Event
    """Set with the first bytes of that artifact."""
    ring: Ring | None = None
    """Keeps that artifact in parts."""

    def data(self, index: int, chunk: bytes) -> None:
        """Pass the chunk to the sink."""
        if self.numbers[index] == self.going_on:
            self.begun.set()
            if self.ring is not None:
                self.ring.data(chunk)
                return
        self.store.data(self.numbers[index], chunk)

    def ended(self, index: int, output: Output) -> None:
        """Pass the end of the artifact to the sink, and of each of its parts."""
        if self.ring is not None and self.numbers[index] == self.going_on:
            self.ring.end()
            for part in sorted(self.ring.used - {self.numbers[index]}):
                self.store.ended(part, output)
        self.store.ended(self.numbers[index], output)


def _taken(step: PlannedStep, collection: Collection, record: Recorder, vault: Vault) -> dict[str, Taken]:
    """Return the artifacts already collected by an interrupted attempt at the same step."""
    where = (step.key, step.target.name, step.place.name, collection.profile)
    kept = [k for k in record.history().evidence if (k.step, k.target, k.host, k.profile) == where]
    return taken_already(vault.run_folder, kept, collection.artifacts)


def _equipped(collection: Collection, token: str) -> Collection:
    """Return the collection for sending: bundled programs precede their scripts. Raises ToolkitError."""
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
