"""Items of an earlier, interrupted collection of the same step, for reuse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.evidence.files import FolderFiles, difference, read
from stopgap.orchestrator.evidence.manifest import MANIFEST, MANIFEST_CAP, Earlier, Manifest, ManifestItem
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.task import Artifact

ANEW = frozenset({"clock", "toolkit", "toolkit-removed"})
"""What belongs to each collection by itself."""


@dataclass(frozen=True)
class Taken:
    """A complete item, with the path of the file."""

    item: ManifestItem
    path: Path | None
    """None where nothing came."""


def taken_already(run_folder: Path, kept: Iterable[EvidenceKept], artifacts: Iterable[Artifact]) -> dict[str, Taken]:
    """Return complete items for reuse by artifact: finished, same script, unchanged file.

    `kept` are the earlier collections, oldest first. A collection different from the journal's record does not count.
    """
    found: dict[str, Taken] = {}
    wanted = {a.id: hashlib.sha256(a.script.encode()).hexdigest() for a in artifacts if a.id not in ANEW}
    for each in kept:
        folder = run_folder / each.folder
        content = read(FolderFiles(folder), MANIFEST, MANIFEST_CAP) or b""
        if hashlib.sha256(content).hexdigest() != each.manifest_sha256:
            continue
        try:
            manifest = Manifest.model_validate(parse_json(content))
        except ValueError:
            continue
        for item in manifest.items:
            if item.exit_status is None or wanted.get(item.id) != item.command_sha256 or not item.ran:
                continue
            if item.file and difference(FolderFiles(folder), item.file, item.bytes, item.sha256):
                continue
            token = manifest.toolkit.token if manifest.toolkit else ""
            source = item.earlier or Earlier(folder=folder.name, token=token)
            carried = item.model_copy(update={"earlier": source})
            found[item.id] = Taken(carried, folder / item.file if item.file else None)
    return found
