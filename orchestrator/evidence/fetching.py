"""A collection that another machine has is fetched from a store, or from that machine, into this state folder.

Nothing of it is believed: the journal has the checksum of the manifest, and the manifest those of the items. What
does not agree is not put in place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.custody import CustodyError, log_handling
from stopgap.orchestrator.evidence.delivery.place import Source, place_of
from stopgap.orchestrator.evidence.delivery.stream import MissingError
from stopgap.orchestrator.evidence.files import FolderFiles, difference
from stopgap.orchestrator.evidence.manifest import CUSTODY, FINDINGS, MANIFEST, MANIFEST_CAP, SIGNATURE, Manifest
from stopgap.orchestrator.evidence.storing import BESIDE_CAP, parts_of
from stopgap.orchestrator.evidence.verify import collection_problems
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled, EvidenceStored
from stopgap.orchestrator.journal.home import controller_name, private_folder, sync_folder
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.journal.records import EvidenceKept, FindingsMade
from stopgap.orchestrator.journal.reserve import reserve_of, room
from stopgap.orchestrator.text import tr

_ARRIVING = "fetching"
"""Folder of a run in which a collection lies until all of it was compared."""


class FetchError(Error):
    """A collection could not be fetched, or is not the one that the journal knows; nothing was put in place."""


@dataclass(frozen=True)
class Fetched:
    """A collection that was fetched, or was not: `problem` says why."""

    folder: str
    url: str
    files: int = 0
    size: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Known:
    """What the journal knows of a collection."""

    kept: EvidenceKept
    stored: EvidenceStored | None
    handled: tuple[EvidenceHandled, ...]
    """By the machine that collected it."""
    findings: frozenset[str]
    """SHA-256 of the files of findings."""


def missing_here(journal: Journal, run: str) -> list[str]:
    """Return the folders of a run's collections that are not on this machine."""
    return [each.kept.folder for each in _known(journal, run) if not _is_here(journal, run, each.kept)]


def fetch_stored(journal: Journal, run: str, by: str, *, again: bool = False) -> Iterator[Fetched]:
    """Fetch the collections of a run that are not on this machine and that a store has; put each on record.

    `again`: also those that this machine had collected itself, and has lost. Raises JournalError.
    """
    for each in _known(journal, run):
        if each.stored is None or _is_here(journal, run, each.kept):
            continue
        if each.stored.controller == controller_name(journal.home) and not again:
            continue
        try:
            place = place_of(each.stored.url, each.kept.folder)
            yield _fetched(journal, run, each, place, by, each.stored.beside)
        except Error as error:
            yield Fetched(each.kept.folder, each.stored.url, problem=str(error))


def fetch_from(journal: Journal, run: str, by: str, source_of: Mapping[str, Source]) -> Iterator[Fetched]:
    """Fetch the collections of a run that are not on this machine from another; put each on record.

    `source_of`: the folder of each collection there, by its name in the journal. Raises JournalError.
    """
    for each in _known(journal, run):
        source = source_of.get(each.kept.folder)
        if source is None or _is_here(journal, run, each.kept):
            continue
        try:
            yield _fetched(journal, run, each, source, by, None)
        except Error as error:
            yield Fetched(each.kept.folder, source.url, problem=str(error))


def _known(journal: Journal, run: str) -> list[_Known]:
    kinds = ("evidence-kept", "evidence-stored", "evidence-handled", "findings-made")
    records = [entry.record for entry in journal.of_run(run, *kinds)]
    stored = {record.folder: record for record in records if isinstance(record, EvidenceStored)}
    handled = [record for record in records if isinstance(record, EvidenceHandled) and not record.copy_of]
    made = [record for record in records if isinstance(record, FindingsMade) and record.sha256]
    return [
        _Known(
            kept,
            stored.get(kept.folder),
            tuple(record for record in handled if record.folder == kept.folder),
            frozenset(record.sha256 or "" for record in made if record.folder == kept.folder),
        )
        for kept in records
        if isinstance(kept, EvidenceKept)
    ]


def _is_here(journal: Journal, run: str, kept: EvidenceKept) -> bool:
    return (journal.run_path(run) / kept.folder).exists()


def _fetched(
    journal: Journal, run: str, known: _Known, source: Source, by: str, beside: Mapping[str, str] | None
) -> Fetched:
    """Fetch one collection. `beside`: SHA-256 of the files beside the items; None: not known. Raises Error."""
    kept = known.kept
    _, host, step = parts_of(kept.folder)
    with _alone(journal.run_folder(run) / _ARRIVING) as arriving:
        folder = private_folder(arriving / host / step)
        manifest = _manifest(source, folder, kept)
        files = [item for item in manifest.items if item.file]
        _see_that_there_is_room(folder, sum(item.bytes for item in files))
        for item in files:
            if difference(FolderFiles(folder), item.file or "", item.bytes, item.sha256):
                _receive(source, folder, item.file or "", item.bytes, {item.sha256 or ""})
        _receive_beside(source, folder, known, beside)
        handled = () if beside else known.handled
        for problem in collection_problems(FolderFiles(folder), None, handled):
            raise FetchError(tr("{url}: {problem}", url=source.url, problem=problem))
        here = journal.run_path(run) / kept.folder
        private_folder(here.parent)
        record = EvidenceHandled(
            action="fetched",
            host=kept.host,
            folder=kept.folder,
            by=by,
            about=source.url[:1024],
            manifest_sha256=kept.manifest_sha256,
            copy_of=controller_name(journal.home),
        )
        try:
            log_handling(folder, record)
            journal.append(run, record)  # before the folder is in place: a copy here is one that the journal knows
            folder.rename(here)
            sync_folder(here.parent)
        except (CustodyError, OSError) as error:
            raise FetchError(tr("{folder}: {error}", folder=kept.folder, error=str(error))) from None
    return Fetched(kept.folder, source.url, len(files), sum(item.bytes for item in files))


def _manifest(source: Source, folder: Path, kept: EvidenceKept) -> Manifest:
    _receive(source, folder, MANIFEST, MANIFEST_CAP, {kept.manifest_sha256})
    try:
        return Manifest.model_validate(parse_json((folder / MANIFEST).read_bytes()))
    except ValueError:
        raise FetchError(tr("{url}/{name}: damaged", url=source.url, name=MANIFEST)) from None


def _receive_beside(source: Source, folder: Path, known: _Known, beside: Mapping[str, str] | None) -> None:
    """Fetch the files beside the items, also after an earlier attempt, whose custody log may have a line more."""
    (folder / CUSTODY).unlink(missing_ok=True)
    if beside is not None:
        for name in (CUSTODY, FINDINGS, SIGNATURE):
            if name in beside:
                _receive(source, folder, name, BESIDE_CAP, {beside[name]})
        return
    _receive(source, folder, CUSTODY, BESIDE_CAP, None)
    for name, fitting in ((SIGNATURE, None), (FINDINGS, known.findings)):
        with suppress(MissingError):
            _receive(source, folder, name, BESIDE_CAP, fitting)


def _receive(source: Source, folder: Path, name: str, most: int, fitting: Collection[str] | None) -> None:
    """Write a file of at most `most` bytes, whose SHA-256 is one of `fitting`; None: any. Raises FetchError."""
    digest, size = hashlib.sha256(), 0
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            for piece in source.read(name):
                size += len(piece)
                if size > most:
                    break
                digest.update(piece)
                stream.write(piece)
            stream.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise FetchError(tr("{path}: {strerror}", path=path, strerror=error.strerror)) from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if size > most or (fitting is not None and digest.hexdigest() not in fitting):
        path.unlink(missing_ok=True)
        raise FetchError(
            tr("{url}/{name}: what came is not what was collected: its SHA-256 is another", url=source.url, name=name)
        )


def _see_that_there_is_room(folder: Path, size: int) -> None:
    there = sum(path.stat().st_size for path in folder.iterdir())
    if room(folder) < size - there + reserve_of(folder):
        raise FetchError(tr("no room on this disk for {size} MB of evidence", size=f"{size / 1e6:.1f}"))


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Yield a folder for what arrives, which no other process uses; it goes once it is empty."""
    private_folder(folder)
    try:
        descriptor = take(folder / ".lock")
    except OSError as error:
        raise FetchError(tr("{path}: {strerror}", path=folder, strerror=error.strerror)) from None
    if descriptor is None:
        raise FetchError(tr("another process on this machine fetches it"))
    try:
        yield folder
        if not any(folder.glob("*/*")):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
