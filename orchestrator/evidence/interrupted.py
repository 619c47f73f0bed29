"""A collection interrupted by the death of the process: closed afterwards, with a manifest like any other.

While a collection arrives, `arrived.jsonl` lies beside the items: a first line with host and artifacts, then a line
for each finished item. The file is deleted once manifest and journal have recorded the collection.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from stopgap.orchestrator.evidence.closing import EvidenceError, close_collection, hash_on_disk, utc
from stopgap.orchestrator.evidence.files import FolderFiles, read
from stopgap.orchestrator.evidence.manifest import ARRIVED, MANIFEST, MANIFEST_CAP, SEALED, Manifest, ManifestItem
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.task import Artifact
from stopgap.orchestrator.text import tr

DIED = tr("Stopgap's own process ended while it arrived")
NEVER = tr("Stopgap's own process ended before it")
CHANGED = tr("what lies on disk is not what arrived")


class Asked(BaseModel):
    """A requested artifact, with the name of the artifact's file."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    file: str
    id: str
    about: str
    command: str


class Begun(BaseModel):
    """The first line."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    manifest: Manifest
    """As it would be if nothing came."""
    asked: tuple[Asked, ...]


class Arrivals:
    """Writer of `arrived.jsonl`. A failed write is ignored: the manifest is the authoritative list."""

    def __init__(self, folder: Path, manifest: Manifest, names: Sequence[str], artifacts: Sequence[Artifact]) -> None:
        asked = tuple(
            Asked(file=name, id=a.id, about=a.about, command=a.script)
            for name, a in zip(names, artifacts, strict=True)
        )
        self._path = folder / ARRIVED
        self._add(Begun(manifest=manifest, asked=asked))

    def ended(self, item: ManifestItem) -> None:
        """Append a finished item."""
        self._add(item)

    def _add(self, what: BaseModel) -> None:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o600), "ab") as stream:
                stream.write(what.model_dump_json().encode() + b"\n")
        except OSError:
            return


def close_broken_off(run_folder: Path, known: Iterable[str]) -> Iterator[EvidenceKept]:
    """Close each collection of a run with a folder not in `known`, and yield the journal's records.

    `known` are the folders recorded in the journal. Finished items stay unchanged; an unfinished item keeps the
    received bytes, marked as truncated. A folder without a collection, or without write access, stays unchanged.
    """
    for folder in sorted((run_folder / "evidence").glob("*/*")):
        if str(folder.relative_to(run_folder)) in known or not (folder / ARRIVED).is_file():
            continue
        manifest = _manifest(folder) or _pieced_together(folder)
        if manifest is None:
            continue
        try:
            yield close_collection(run_folder, folder, manifest)
        except EvidenceError:
            continue


def _manifest(folder: Path) -> Manifest | None:
    content = read(FolderFiles(folder), MANIFEST, MANIFEST_CAP)
    try:
        return Manifest.model_validate(parse_json(content)) if content else None
    except ValueError:
        return None


def _pieced_together(folder: Path) -> Manifest | None:
    first, *rest = (read(FolderFiles(folder), ARRIVED, MANIFEST_CAP) or b"").split(b"\n")
    try:
        begun = Begun.model_validate_json(first)
    except ValidationError:
        return None
    ended: dict[str, ManifestItem] = {}
    for line in rest:
        try:
            item = ManifestItem.model_validate_json(line)
        except ValidationError:
            continue
        ended[item.id] = _as_on_disk(folder, item)
    last = max((item.ended for item in ended.values()), default=begun.manifest.started)
    now = utc(datetime.now(UTC))
    items = tuple(ended.get(asked.id) or _cut(folder, asked, last, now) for asked in begun.asked)
    return begun.manifest.model_copy(update={"items": items, "ended": now})


def _as_on_disk(folder: Path, item: ManifestItem) -> ManifestItem:
    """Return an item, marked if the disk has lost data: a stopped machine writes no more of the page cache."""
    if item.file is None or (found := hash_on_disk(folder / item.file)) == item.sha256:
        return item
    there = found is not None
    news = {
        "file": item.file if there else None,
        "bytes": (folder / item.file).stat().st_size if there else 0,
        "sha256": found,
        "clear": None,
        "exit_status": None,
        "truncated": True,
        "truncated_because": CHANGED,
    }
    return item.model_copy(update=news)


def _cut(folder: Path, asked: Asked, started: str, ended: str) -> ManifestItem:
    file = next((name for name in (asked.file, asked.file + SEALED) if (folder / name).is_file()), None)
    return ManifestItem(
        id=asked.id,
        about=asked.about,
        command=asked.command,
        command_sha256=hashlib.sha256(asked.command.encode()).hexdigest(),
        ran=file is not None,
        exit_status=None,
        started=started,
        ended=ended if file else started,
        file=file,
        bytes=(folder / file).stat().st_size if file else 0,
        truncated=True,
        truncated_because=DIED if file else NEVER,
        sha256=hash_on_disk(folder / file) if file else None,
        stderr="",
    )
