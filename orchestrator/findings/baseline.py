"""Content that an operator knows to be right: checksums, and collections of hosts that are as they should be."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.reader import LONGEST_LINE, CollectionReader, lines_of, open_collection
from stopgap.orchestrator.findings.table import MOST_KEYS

_SUM = re.compile(r"\\?([0-9a-fA-F]{32}|[0-9a-fA-F]{64})(?: [ *].*)?")
_BSD_SUM = re.compile(r"(?:MD5|SHA256) \(.*\) = ([0-9a-fA-F]{32}|[0-9a-fA-F]{64})")
_LARGEST = 8 << 20
"""Bytes of a file in a collection from which on it is left out."""
_LARGEST_LIST = 1 << 30
"""Bytes of a list of checksums that are read."""


def known_contents(baselines: Iterable[Path]) -> frozenset[bytes]:
    """Return the MD5 and SHA-256 sums of files that are known, at most MOST_KEYS of them.

    A baseline is a list as md5sum(1) or sha256sum(1) writes it, plain or with `--tag`, or a folder with collections,
    whose files count. Raises OSError and UnreadableEvidence.
    """
    found: set[bytes] = set()
    for baseline in baselines:
        for digest in _of_folder(baseline) if baseline.is_dir() else _of_list(baseline):
            if len(found) >= MOST_KEYS:
                return frozenset(found)
            found.add(digest)
    return frozenset(found)


def _of_list(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        chunks = iter(lambda: stream.read(LONGEST_LINE), b"")
        for number, text in lines_of(chunks):
            if number * 33 > _LARGEST_LIST:
                return
            if match := _SUM.fullmatch(text) or _BSD_SUM.fullmatch(text):
                yield bytes.fromhex(match[1])


def _of_folder(folder: Path) -> Iterator[bytes]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        if MANIFEST in files:
            yield from _of_collection(open_collection(Path(root)))


def _of_collection(collected: CollectionReader) -> Iterator[bytes]:
    for item in collected.manifest.items:
        if item.file is None or not item.file.endswith(".tar"):
            continue
        for member in collected.members(item.id):
            if member.kind == "file" and 0 < member.size <= _LARGEST:
                hashed = hashlib.md5(usedforsecurity=False)
                for chunk in member.chunks(_LARGEST, holes=True):
                    hashed.update(chunk)
                yield hashed.digest()
