"""Verification of evidence against the manifest, and of a run's manifests against the journal.

A folder can be verified alone, on another machine. The manifest covers the files; the signature and the journal's
hash cover the manifest.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from stopgap.orchestrator.evidence.custody import custody_problems
from stopgap.orchestrator.evidence.files import FileProblem, Files, FolderFiles, difference, read
from stopgap.orchestrator.evidence.manifest import (
    ARRIVED,
    CUSTODY,
    FINDINGS,
    MANIFEST,
    MANIFEST_CAP,
    SIGNATURE,
    Manifest,
)
from stopgap.orchestrator.evidence.signing import signature_problems
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.journal.chain import read_export
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled, EvidenceStored
from stopgap.orchestrator.journal.head import head_problems
from stopgap.orchestrator.journal.home import controller_name
from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.journal.records import EvidenceKept, FindingsMade
from stopgap.orchestrator.text import Text, tr

_DEPTH = 3
"""Of `evidence/<host>/<step>` below a run's folder."""
_BESIDE = {MANIFEST, SIGNATURE, CUSTODY, FINDINGS, ARRIVED}
"""What lies in a collection's folder besides its items."""


def verify_folder(path: Path, signers: Path | None = None) -> list[str]:
    """Return the problems of a collection's folder, or of all collections (and journal.jsonl) below a folder.

    Each problem names a file: changed, missing, extra, or a damaged manifest.
    """
    if (path / MANIFEST).exists() or (path / MANIFEST).is_symlink():
        return list(collection_problems(FolderFiles(path), signers))
    if not path.is_dir():
        return [tr("{path}: no such folder", path=path)]
    problems = _export_problems(path, signers) if (path / EXPORT).is_file() else []
    collections = collections_below(path)
    if (path / ARRIVED).is_file():
        return [
            tr(
                "{path}: broken off: {manifest} is missing until `stopgap resume` of its run closes it",
                path=path,
                manifest=MANIFEST,
            )
        ]
    if not collections and not (path / EXPORT).is_file():
        problems.append(tr("{path}: holds no manifest", path=path))
    for folder in collections:
        where = _shown(str(folder.relative_to(path)))
        problems += [f"{where}/{problem}" for problem in collection_problems(FolderFiles(folder), signers)]
    return problems


def verify_run(journal: Journal, run: str, signers: Path | None = None) -> list[str]:
    """Return the problems of a run: hash chain, evidence, and manifests compared with the journal.

    Raises JournalError for an unknown run.
    """
    problems = journal.verify(run, signers)
    folder = journal.run_path(run)
    try:
        records = [entry.record for entry in journal.records(run)]
    except JournalError as error:
        return [*problems, str(error)]
    kept = [record for record in records if isinstance(record, EvidenceKept)]
    handled = [record for record in records if isinstance(record, EvidenceHandled)]
    stored = {record.folder: record for record in records if isinstance(record, EvidenceStored)}
    controller = controller_name(journal.home)
    elsewhere: set[str] = set()
    for record in kept:
        found = read(FolderFiles(folder / record.folder), MANIFEST, MANIFEST_CAP)
        copy = stored.get(record.folder)
        if found is None and not (folder / record.folder).exists() and is_elsewhere(record, copy, controller):
            elsewhere.add(record.folder)
            problems.append(not_here(run, record, copy))
        elif found is None:
            problems.append(
                tr("{folder}/{manifest}: missing, and the journal knows it", folder=record.folder, manifest=MANIFEST)
            )
        elif hashlib.sha256(found).hexdigest() != record.manifest_sha256:
            problems.append(
                tr(
                    "{folder}/{manifest}: changed; it is not the one that the journal knows",
                    folder=record.folder,
                    manifest=MANIFEST,
                )
            )
    made = [record for record in records if isinstance(record, FindingsMade)]
    several = {record.folder for record in handled if record.action == "fetched"}
    for last in {record.folder: record for record in made}.values():
        # Of several copies each machine has the findings that were made there.
        each = [one.sha256 for one in made if one.folder == last.folder] if last.folder in several else [last.sha256]
        problems += [] if last.folder in elsewhere else _findings_problems(folder, last, each)
    known = {record.folder for record in kept}
    for collection in sorted((folder / "evidence").glob("*/*")):
        where = str(collection.relative_to(folder))
        if where not in known and (collection / ARRIVED).is_file():
            problems.append(
                tr(
                    "{where}: broken off, not in the journal yet: `stopgap resume {run}` closes it, and goes on",
                    where=_shown(where),
                    run=run,
                )
            )
        elif where not in known:
            problems.append(
                tr("{where}: not in the journal: broken off, or put there by somebody else", where=_shown(where))
            )
        elif (collection / MANIFEST).exists():
            _, here = handled_here(handled, where, controller)
            found_ = collection_problems(FolderFiles(collection), signers, here)
            problems += [f"{_shown(where)}/{problem}" for problem in found_]
    return problems


def _export_problems(folder: Path, signers: Path | None) -> list[str]:
    run, rows, problems = read_export(folder / EXPORT)
    return problems + head_problems(run, rows, folder, signers)


def handled_here(
    handled: Sequence[EvidenceHandled], folder: str, controller: str
) -> tuple[str, Sequence[EvidenceHandled]]:
    """Return what `copy_of` says of a collection on this machine, and the acts on it that the journal knows.

    `handled`: all acts of the run. Each copy has a custody log of its own, from its fetching on.
    """
    mine = [record for record in handled if record.folder == folder and record.copy_of == controller]
    fetched = [place for place, record in enumerate(mine) if record.action == "fetched"]
    if fetched:
        return controller, mine[fetched[-1] :]
    return "", [record for record in handled if record.folder == folder and not record.copy_of]


def not_here(run: str, kept: EvidenceKept, copy: EvidenceStored | None) -> Text:
    """Return the line about a collection that another machine has."""
    if copy is not None:
        return tr(
            "{folder}: not on this machine, and not verified; a copy is in {url}: stopgap evidence fetch {run}",
            folder=kept.folder,
            url=copy.url,
            run=run,
        )
    return tr(
        "{folder}: not on this machine, and not verified; {by} collected it: stopgap verify {run} there, or "
        "stopgap evidence fetch {run} --from sftp://LOGIN@HOST",
        folder=kept.folder,
        by=kept.by,
        run=run,
    )


def _findings_problems(run_folder: Path, made: FindingsMade, known: Sequence[str | None]) -> Iterator[str]:
    if made.sha256 is None:
        return
    where = f"{_shown(made.folder)}/{FINDINGS}"
    digest = hashlib.sha256()
    try:
        for piece in FolderFiles(run_folder / made.folder).chunks(FINDINGS):
            digest.update(piece)
    except FileProblem:
        yield tr("{where}: missing, and the journal knows it", where=where)
        return
    if digest.hexdigest() not in known:
        yield tr("{where}: changed; it is not the one that the journal knows", where=where)


def collections_below(path: Path) -> list[Path]:
    """Return the folders with a manifest at or below a path, sorted; links are not followed."""
    found = []
    for folder, below, files in os.walk(path):
        if MANIFEST in files:
            found.append(Path(folder))
        if len(Path(folder).relative_to(path).parts) >= _DEPTH:
            below.clear()
    return sorted(found)


def collection_problems(
    files: Files, signers: Path | None = None, known: Sequence[EvidenceHandled] = ()
) -> Iterator[str]:
    """Yield the problems of one collection, in a folder or an archive; `known` are actions recorded in the
    journal.
    """
    content = read(files, MANIFEST, MANIFEST_CAP)
    if content is None:
        yield tr("{manifest}: missing, or no ordinary file: nothing vouches for what lies there", manifest=MANIFEST)
        return
    try:
        manifest = Manifest.model_validate(parse_json(content))
        whole = manifest.canonical() == content
    except ValueError:
        yield tr("{manifest}: damaged or cut off", manifest=MANIFEST)
        return
    if not whole:
        yield tr("{manifest}: changed; it is not as Stopgap writes it", manifest=MANIFEST)
    yield from signature_problems(files, MANIFEST, content, signers)
    yield from custody_problems(files, content, known)
    there = set(files.names())
    items = (opened if (opened := item.opened()).file in there else item for item in manifest.items)
    listed = {item.file: item for item in items if item.file}
    for name, item in listed.items():
        reason = difference(files, name, item.bytes, item.sha256)
        if reason:
            yield tr("{name}: {reason}", name=name, reason=reason)
    for other in files.names():
        if other not in _BESIDE and other not in listed:
            yield tr("{other}: extra; the manifest does not list it", other=_shown(other))


def is_elsewhere(kept: EvidenceKept, copy: EvidenceStored | None, controller: str) -> bool:
    """Return True for a collection that another machine, or another state folder, has collected."""
    if copy is not None:
        return copy.controller != controller
    return "@" in kept.by and kept.by.rpartition("@")[2] != socket.gethostname()


def _shown(name: str) -> str:
    return name
