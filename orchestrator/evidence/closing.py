"""The end of a collection: its manifest and the first line of its custody log are on disk, and nothing is added."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.evidence.custody import CustodyError, log_handling
from orchestrator.evidence.manifest import ARRIVED, CUSTODY, MANIFEST, Manifest
from orchestrator.hosttext import escape
from orchestrator.journal.records import EvidenceHandled, EvidenceKept


class EvidenceError(Exception):
    """What arrived could not be kept as it arrived; the message names the file and says why."""


def close_collection(
    run_folder: Path, folder: Path, manifest: Manifest, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> EvidenceKept:
    """Write what vouches for a collection, and give what goes into the journal.

    Raises EvidenceError where it cannot be written, or where a file is not what arrived.
    """
    wrong = [item.file for item in manifest.items if item.file and hash_on_disk(folder / item.file) != item.sha256]
    content = manifest.canonical()
    digest = hashlib.sha256(content).hexdigest()
    if not (folder / MANIFEST).exists():
        _write(folder, content)
    kept = EvidenceKept(
        step=manifest.step,
        target=manifest.target,
        host=manifest.host,
        profile=manifest.profile,
        folder=str(folder.relative_to(run_folder)),
        items=sum(item.ran for item in manifest.items),
        size=sum(item.bytes for item in manifest.items),
        manifest_sha256=digest,
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
        raise EvidenceError(f"{folder}: {', '.join(map(escape, wrong))}: what lies on disk is not what arrived")
    return kept


def settle(folder: Path) -> None:
    """Take away what told of a collection while it arrived: its journal knows it now."""
    with suppress(OSError):
        (folder / ARRIVED).unlink(missing_ok=True)


def hash_on_disk(path: Path) -> str | None:
    """Hash what the disk holds: written out, dropped from memory, read back."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def utc(moment: datetime) -> str:
    """Give a moment as manifests have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _write(folder: Path, content: bytes) -> None:
    """Write the manifest whole or not at all: a death in between leaves none."""
    path, part = folder / MANIFEST, folder / f"{ARRIVED}.{MANIFEST}"
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        part.rename(path)
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}; the files are kept, without a manifest") from None
