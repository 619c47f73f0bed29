"""The records of collected evidence: who had it in hand, and where a copy of it is."""

from __future__ import annotations

from typing import Literal

from stopgap.orchestrator.hosttext import EscapedLine
from stopgap.orchestrator.journal.record import Record


class EvidenceHandled(Record):
    """An act on a collection, for the chain of custody; recorded beside the evidence and in the run's journal."""

    kind: Literal["evidence-handled"] = "evidence-handled"
    action: Literal["collected", "opened", "exported", "fetched"]
    host: str
    folder: str
    """Folder of the collection, relative to the run's folder."""
    by: EscapedLine
    """`user@machine`."""
    about: EscapedLine
    """The collection opened, the destination of the export, or where the copy was fetched from."""
    manifest_sha256: str
    copy_of: str = ""
    """Name of the controller that fetched this copy; empty: the evidence on the machine that collected it."""


class EvidenceStored(Record):
    """A collection was copied to a store and read back from there; all of its files have been compared."""

    kind: Literal["evidence-stored"] = "evidence-stored"
    host: str
    folder: str
    """Folder of the collection, relative to the run's folder."""
    url: str
    """Of the copy's folder."""
    size: int
    """Bytes of all files."""
    manifest_sha256: str
    beside: dict[str, str]
    """SHA-256 of each file beside the items, by name: manifest, custody log, findings, signature."""
    controller: str
    """Name of the controller whose evidence it is."""
    by: EscapedLine
    """`user@machine`."""
