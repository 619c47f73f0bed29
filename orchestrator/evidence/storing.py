"""A sealed collection is copied to a store: the manifest last, every file read back from there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.delivery.place import Place
from stopgap.orchestrator.evidence.delivery.stream import DeliveryError, MissingError, delivering
from stopgap.orchestrator.evidence.files import FileProblem, FolderFiles, read
from stopgap.orchestrator.evidence.manifest import CUSTODY, FINDINGS, MANIFEST, MANIFEST_CAP, SIGNATURE, Manifest
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.journal.evidence_records import EvidenceStored
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.text import tr

BESIDE_CAP = 256 << 20
"""Bytes of a file beside the items."""
_Pieces: TypeAlias = Callable[[], Iterator[bytes]]
"""Gives a file in pieces."""


class StoringError(Error):
    """A collection was not copied: what lies here, or in the store, is not what was collected."""


@dataclass(frozen=True)
class Stored:
    """The copy of a collection; `encrypted`: no item of it is in clear."""

    url: str
    size: int
    beside: dict[str, str] = field(default_factory=dict)
    encrypted: bool = False

    def record(self, kept: EvidenceKept, controller: str, by: str) -> EvidenceStored:
        """Return the journal's record."""
        return EvidenceStored(
            host=kept.host,
            folder=kept.folder,
            url=self.url,
            size=self.size,
            manifest_sha256=kept.manifest_sha256,
            beside=self.beside,
            controller=controller,
            by=by,
        )


def place_for(place: Place, run: str, folder: str) -> Place:
    """Return the place of a collection in a store. Raises StoringError for a record that names no such folder."""
    return place.below(f"{run}/{'/'.join(parts_of(folder)[1:])}")


def parts_of(folder: str) -> tuple[str, str, str]:
    """Return the parts of `evidence/HOST/STEP`, as a record names it. Raises StoringError for anything else."""
    match PurePosixPath(folder).parts:
        case ("evidence", host, step) if not {host, step} & {".", ".."}:
            return "evidence", host, step
    raise StoringError(tr("{folder}: no folder of evidence", folder=folder))


def store_collection(run_folder: Path, kept: EvidenceKept, place: Place, findings: Collection[str]) -> Stored:
    """Copy a collection to its place, and read all of it back; what is there already is compared.

    `findings`: SHA-256 of the files of findings that the journal knows. Nothing is replaced there: what differs is
    told. Raises StoringError; DeliveryError for a store that is away, or does not give back what was sent.
    """
    files = FolderFiles(run_folder / kept.folder)
    content = read(files, MANIFEST, MANIFEST_CAP) or b""
    if hashlib.sha256(content).hexdigest() != kept.manifest_sha256:
        raise StoringError(
            tr("{folder}/{manifest}: changed; it is not the one that the journal knows", folder=kept.folder,
               manifest=MANIFEST)
        )  # fmt: skip
    manifest = Manifest.model_validate(parse_json(content))
    with suppress(DeliveryError):  # not every account may list what was begun
        place.tidy()
    size, beside = 0, {}
    items = [item for item in manifest.items if item.file]
    for item in items:
        name = item.file or ""
        size += _copied(place, name, partial(files.chunks, name), [item.sha256 or ""], kept.folder)[1]
    for name in (FINDINGS, SIGNATURE, CUSTODY, MANIFEST):
        if (found := _beside(files, name, kept.folder)) is None:
            continue
        fitting = _fitting(name, found, findings)
        beside[name], length = _copied(place, name, partial(iter, [found]), fitting, kept.folder)
        size += length
    return Stored(place.url, size, beside, bool(items) and all(item.encrypted for item in items))


def _beside(files: FolderFiles, name: str, folder: str) -> bytes | None:
    if name not in files.names():
        return None
    found = read(files, name, BESIDE_CAP)
    if found is None or len(found) == BESIDE_CAP:
        raise StoringError(tr("{folder}/{name}: cannot be read", folder=folder, name=name))
    return found


def _fitting(name: str, content: bytes, findings: Collection[str]) -> list[str]:
    """Return the SHA-256 of a file, and of the earlier states of it that an attempt may have stored."""
    if name == CUSTODY:
        digest, states = hashlib.sha256(), list[str]()
        for line in content.splitlines(keepends=True):
            digest.update(line)
            states.append(digest.hexdigest())
        return states[::-1]
    now = hashlib.sha256(content).hexdigest()
    if name == FINDINGS and now not in findings:
        raise StoringError(tr("{name}: changed; it is not the one that the journal knows", name=name))
    return [now, *(findings if name == FINDINGS else ())]


def _copied(place: Place, name: str, pieces: _Pieces, fitting: list[str], folder: str) -> tuple[str, int]:
    """Return SHA-256 and size of a file in the store, after sending it where it is not there.

    `fitting`: the SHA-256 that it has here, and others that may stand for it in the store.
    """
    try:
        found, size = _sum(place.read(name))
    except MissingError:
        return _sent(place, name, pieces, fitting[0], folder)
    if found not in fitting:
        raise StoringError(tr("{url}/{name}: is there, and is another file", url=place.url, name=name))
    return found, size


def _sent(place: Place, name: str, pieces: _Pieces, sha256: str, folder: str) -> tuple[str, int]:
    here = hashlib.sha256()
    with delivering(place.new(name)) as delivery:
        try:
            for piece in pieces():
                here.update(piece)
                delivery.write(piece)
        except FileProblem as problem:
            raise StoringError(f"{folder}/{name}: {problem}") from None
        if here.hexdigest() != sha256:
            raise StoringError(tr("{folder}/{name}: changed: its SHA-256 is another", folder=folder, name=name))
        done = delivery.finish()
    return done.sha256, done.bytes


def _sum(pieces: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size
