"""The custody log of a collection: append-only, hash-chained lines on collecting, opening and exporting.

The log lies beside the evidence and moves with the evidence. The run's journal also records the actions of the run,
so verification detects truncated lines.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.files import Files, read
from stopgap.orchestrator.evidence.manifest import CUSTODY
from stopgap.orchestrator.journal import JournalError
from stopgap.orchestrator.journal.chain import (
    GENESIS,
    Entry,
    Row,
    canonical_record,
    export_line,
    link,
    read_lines,
    timestamp,
)
from stopgap.orchestrator.journal.chain import entry as entry_of
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled
from stopgap.orchestrator.text import tr

LONGEST = 16 << 20
"""Bytes of a log that are read."""


class CustodyError(Error):
    """The custody log could not be written, or is damaged; the message names the log and the reason."""


def log_handling(
    folder: Path, handled: EvidenceHandled, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Append a line to the custody log of a collection's folder; the line is durable on return. Raises
    CustodyError.
    """
    path = folder / CUSTODY
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as stream:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            content = stream.read(LONGEST)
            chain, rows, problems = read_lines(content, CUSTODY)
            if content and problems:
                raise CustodyError(tr("{path}: {problems}; nothing was added to it", path=path, problems=problems[0]))
            chain = chain or f"{handled.manifest_sha256[:16]} {handled.folder}"
            seq, previous = (rows[-1].seq + 1, rows[-1].hash) if rows else (0, GENESIS)
            at, record = timestamp(clock()), canonical_record(handled)
            row = Row(seq, at, record, link(previous, chain, seq, at, record))
            stream.write(export_line(chain, row).encode("ascii") + b"\n")
            os.fsync(descriptor)
    except OSError as error:
        raise CustodyError(tr("{path}: {strerror}", path=path, strerror=error.strerror)) from None


def read_log(files: Files) -> Iterator[tuple[datetime, EvidenceHandled]]:
    """Yield the entries of a collection's custody log in order; raises CustodyError for a missing or damaged log."""
    content = read(files, CUSTODY, LONGEST)
    if content is None:
        raise CustodyError(tr("{custody}: missing", custody=CUSTODY))
    for each in _entries(content):
        if isinstance(each.record, EvidenceHandled):
            yield each.at, each.record


def custody_problems(files: Files, manifest: bytes, known: Sequence[EvidenceHandled] = ()) -> Iterator[str]:
    """Yield problems of the custody log beside a manifest; `known` are the actions recorded in the journal."""
    content = read(files, CUSTODY, LONGEST)
    if content is None:
        yield tr("{custody}: missing: nothing says who had it in hand", custody=CUSTODY)
        return
    _, _, problems = read_lines(content, CUSTODY)
    if problems:
        yield from problems
        return
    try:
        records = [each.record for each in _entries(content)]
    except CustodyError as error:
        yield str(error)
        return
    first = records[0]
    if not isinstance(first, EvidenceHandled) or first.action != "collected":
        yield tr("{custody}: does not begin with the collection", custody=CUSTODY)
    elif first.manifest_sha256 != hashlib.sha256(manifest).hexdigest():
        yield tr("{custody}: is of another manifest", custody=CUSTODY)
    rest = iter(records)
    lost = [record for record in known if record not in rest]  # each record is searched after the record before
    if lost:
        yield tr(
            "{custody}: lacks what the journal knows: {action} by {by}",
            custody=CUSTODY,
            action=lost[0].action,
            by=lost[0].by,
        )


def _entries(content: bytes) -> Iterator[Entry]:
    try:
        yield from map(entry_of, read_lines(content, CUSTODY)[1])
    except JournalError as error:
        raise CustodyError(tr("{custody}: {error}", custody=CUSTODY, error=error)) from None
