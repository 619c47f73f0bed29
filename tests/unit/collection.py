"""Collections for tests: those that plug-ins are tested with, and the headers of archives that lie."""

from __future__ import annotations

import hashlib

from stopgap.orchestrator.evidence.custody import log_handling
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.journal.evidence_records import EvidenceHandled
from stopgap.testing.collections import STARTED, collected, content_of, file_content, item, record, session, tar

__all__ = [
    "STARTED",
    "begin_custody",
    "collected",
    "content_of",
    "file_content",
    "item",
    "member_header",
    "pax_header",
    "record",
    "session",
    "tar",
]


def begin_custody(collected: CollectionReader) -> None:
    """Write the first line of a collection's custody log, as a run does."""
    gathered = EvidenceHandled(
        action="collected", host="web", folder=f"evidence/web/{collected.folder.name}", by="kei@noc", about="triage",
        manifest_sha256=hashlib.sha256(collected.manifest.canonical()).hexdigest(),
    )  # fmt: skip
    log_handling(collected.folder, gathered)


def member_header(name: bytes, size: int, kind: bytes = b"0") -> bytes:
    """A header of an archive as ustar has it, with whatever name and size; what it announces comes behind it."""
    block = bytearray(512)
    block[: len(name[:100])] = name[:100]
    block[100:136] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size
    block[136:148], block[156:157], block[257:265] = b"%011o\0" % 1795400000, kind, b"ustar  \0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax_header(records: dict[bytes, bytes]) -> bytes:
    """A pax header with any records, for the entry behind it."""
    body = b""
    for key, value in records.items():
        rest = len(key) + len(value) + 3
        length = rest + len(str(rest))
        length += len(str(length)) - len(str(rest))
        body += b"%d %s=%s\n" % (length, key, value)
    return member_header(b"./PaxHeaders/x", len(body), b"x") + body.ljust(-(-len(body) // 512) * 512, b"\0")
