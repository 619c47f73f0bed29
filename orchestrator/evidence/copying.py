"""Copies of evidence: what waits for the store is copied there, one run after the other, and put on record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.delivery.place import Place
from stopgap.orchestrator.evidence.delivery.stream import DeliveryError
from stopgap.orchestrator.evidence.settings import store_of
from stopgap.orchestrator.evidence.storing import Stored, StoringError, place_for, store_collection
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.journal.evidence_records import EvidenceStored
from stopgap.orchestrator.journal.evidence_waiting import FOLDER, not_stored, note_reason, stored
from stopgap.orchestrator.journal.home import controller_name
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.journal.records import EvidenceKept, FindingsMade
from stopgap.orchestrator.source import InvalidInput
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class RunStored:
    """What an attempt has brought into the store."""

    run: str
    copies: Sequence[Stored]
    """The collections that came into the store, or were found whole there."""
    problems: Sequence[str] = ()
    """Why others did not."""


def _nobody(_run: str, _place: Place) -> None:
    return None


def store_waiting(
    journal: Journal, by: str, first: str | None = None, begins: Callable[[str, Place], None] = _nobody
) -> Iterator[RunStored]:
    """Copy what waits, one run after the other, and put each copy on record; `first`: the run to begin with.

    `begins` is told of each run. A store that is away ends it: the rest waits, with the reason. Raises JournalError,
    InvalidInput for an evidence.yaml that is invalid, and Error where there is none.
    """
    home = journal.home
    with _alone(home) as mine:
        waiting = not_stored(home) if mine else []
        if not waiting:
            return
        try:
            store = store_of(home)
        except InvalidInput as error:
            note_reason(home, waiting, str(error.problems[0]))
            raise
        if store is None:
            raise Error(tr("{home}: no evidence.yaml names a store", home=home))
        waiting.sort(key=lambda one: one.run != first)
        for place, each in enumerate(waiting):
            begins(each.run, store)
            copies, problems, away = _store_run(journal, each.run, store, by)
            if problems:
                note_reason(home, [each], problems[0])
            else:
                stored(home, each.run)
            if away:
                note_reason(home, waiting[place + 1 :], away)
            yield RunStored(each.run, copies, problems)
            if away:
                return


def _store_run(journal: Journal, run: str, store: Place, by: str) -> tuple[list[Stored], list[str], str]:
    """Return the copies of a run's collections, the problems, and why the store is away; empty if it is not."""
    records = [entry.record for entry in journal.of_run(run, "evidence-kept", "evidence-stored", "findings-made")]
    known = {(record.folder, record.url) for record in records if isinstance(record, EvidenceStored)}
    findings: dict[str, set[str]] = {}
    for made in records:
        if isinstance(made, FindingsMade) and made.sha256:
            findings.setdefault(made.folder, set()).add(made.sha256)
    copies: list[Stored] = []
    problems: list[str] = []
    for kept in (record for record in records if isinstance(record, EvidenceKept)):
        try:
            place = place_for(store, run, kept.folder)
            if (kept.folder, place.url) in known or not (journal.run_path(run) / kept.folder).is_dir():
                continue
            copy = store_collection(journal.run_path(run), kept, place, findings.get(kept.folder, ()))
        except StoringError as error:
            problems.append(str(error))
            continue
        except DeliveryError as error:
            return copies, [*problems, str(error)], str(error)
        journal.append(run, copy.record(kept, controller_name(journal.home), by))
        copies.append(copy)
    return copies, problems, ""


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Yield True, unless another process of this state folder is at it, or nothing has ever waited."""
    descriptor = None
    try:
        if (home / FOLDER).is_dir():
            descriptor = take(home / FOLDER / ".lock")
    except OSError as error:
        raise JournalError(tr("{path}: {strerror}", path=home / FOLDER, strerror=error.strerror)) from None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)
