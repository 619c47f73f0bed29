"""The end of a collection: manifest and first line of the custody log are durable, and the collection is closed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.custody import CustodyError, log_handling
from stopgap.orchestrator.evidence.manifest import ARRIVED, CUSTODY, MANIFEST, Manifest
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.text import tr


class EvidenceError(Error):
    """Evidence could not be stored unchanged; the message names the file and the reason."""


def close_collection(
    run_folder: Path, folder: Path, manifest: Manifest, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> EvidenceKept:
    """Write manifest and custody log of a collection, and return the journal's record.

    Raises EvidenceError if a write fails, or if a stored file differs from the received data.
    """
    wrong = [item.file for item in manifest.items if item.file and hash_on_disk(folder / item.file) != item.sha256]
    content = manifest.canonical()
    digest = hashlib.sha256(content).hexdigest()
    if not (folder / MANIFEST).exists():
        try:
            write_at_once(folder / MANIFEST, content, temporary=folder / f"{ARRIVED}.{MANIFEST}")
        except JournalError as error:
            raise EvidenceError(tr("{error}; the files are kept, without a manifest", error=error)) from None
    kept = EvidenceKept(
        step=manifest.step,
        target=manifest.target,
        host=manifest.host,
        profile=manifest.profile,
        folder=str(folder.relative_to(run_folder)),
        items=sum(item.ran for item in manifest.items),
        size=sum(item.bytes for item in manifest.items),
        manifest_sha256=digest,
        by=manifest.operator,
    )
    collected = EvidenceHandled(
        action="collected",
        host=kept.host,
        folder=kept.folder,
        by=manifest.operator,
        about=kept.profile,
        manifest_sha256=digest,
    )
    try:
        if not (folder / CUSTODY).exists():
            log_handling(folder, collected, clock=clock)
    except CustodyError as error:
        raise EvidenceError(str(error)) from None
    if wrong:
        raise EvidenceError(
            tr("{folder}: {wrong}: what lies on disk is not what arrived", folder=folder, wrong=", ".join(wrong))
        )
    return kept


def settle(folder: Path) -> None:
    """Delete the list of arrivals, once the journal has recorded the collection."""
    with suppress(OSError):
        (folder / ARRIVED).unlink(missing_ok=True)


def hash_on_disk(path: Path) -> str | None:
    """Return the SHA-256 of the file on disk: synced, dropped from the page cache, read back; None if unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def utc(moment: datetime) -> str:
    """Return a point in time in the manifest's format: UTC, with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
