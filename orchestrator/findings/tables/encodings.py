"""The file whose content is packed, encoded or no text, where that of hundreds beside it is plain."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.outliers import LEAST, SHARE, TREE
from stopgap.orchestrator.findings.tables.packages import digests_of

_LOOKED_AT = 64 << 10
"""Bytes of a file from which its writing is judged."""
_SHORTEST = 600
"""Bytes below which a text packs badly whatever it says."""
_MOST = 200_000
"""Files that are looked at."""
_RUN = re.compile(rb"[^\s]{120,}")
_ANY_RUN = automaton(r"[^ \t\n\r\f\v]{120,}", captures=False, of_bytes=True)
_DENSE = 0.58
"""Bytes into which one byte packs: code has 0.2 to 0.45, base64 of anything compressed 0.76."""
_MARGIN = 0.15
"""By which it has to be denser than the densest fiftieth of its neighbours."""
_FEW = 3
"""Files of one tree that may share a difference; what more share is a habit of it."""
_NO_CONTROL = bytes(code for code in range(256) if code in b"\t\n\v\f\r\x1b" or code >= 32)
_CONTROLS = 4
"""Control characters from which on bytes that are not UTF-8 are no text: texts in older encodings have none."""
_IN_RUNS = 0.5
"""Of a file, in words of 120 and more characters without a blank."""


class _Writing(NamedTuple):
    archive: str
    offset: int
    name: str
    uid: int
    digest: str
    density: float
    in_runs: float
    text: bool


@table(
    "written-otherwise",
    reads="web-code",
    also="web-suspects changed-files package-digests",
    fields={
        "path": "the file",
        "tree": "the site, the application or the directory of a person",
        "neighbours": "files of the same kind in it",
        "differs": "in what: `density`, `runs`, `no text`",
        "ways": "in how many of these",
        "uid": "whose it is",
    },
)
def written_otherwise(collected: CollectionReader) -> Iterator[Row]:
    """Files of code that are packed, encoded or no text, where all others of their kind beside them are plain."""
    digests = digests_of(collected)
    groups: dict[tuple[str, str], list[_Writing]] = {}
    seen: set[int] = set()
    for archive in ("web-code", "web-suspects", "changed-files"):
        for member in collected.members(archive):
            found = TREE.match(member.name)
            key = hash(member.name)
            if found is None or member.kind != "file" or key in seen:
                continue
            if len(seen) > _MOST or not collected.meter.hold("files beside others", member.name):
                collected.meter.leave_out(f"{archive}: files beside others")
                break
            seen.add(key)
            content = member.read(_LOOKED_AT)
            whole = member.size <= _LOOKED_AT
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest() if whole else ""
            writing = _Writing(archive, member.offset, member.name, member.uid, digest, *_measured(content))
            groups.setdefault((found["root"], found["end"].lower()), []).append(writing)
    for (tree, _), files in groups.items():
        if len(files) <= LEAST:
            continue
        for file, differs in _unlike(files):
            if not (file.digest and digests.brought(file.digest)):
                row: Fields = {"path": file.name, "tree": tree, "neighbours": len(files) - 1}
                row |= {"differs": ", ".join(differs), "ways": len(differs), "uid": file.uid}
                yield Row(row, Place(file.archive, None, file.name, file.offset))


def _measured(content: bytes) -> tuple[float, float, bool]:
    """Return into how much a byte packs, how much lies in long runs, and whether it is text."""
    density = 0.0 if len(content) < _SHORTEST else len(zlib.compress(content, 1)) / len(content)
    runs = _RUN.findall(content) if _ANY_RUN.search(content) else ()
    in_runs = sum(map(len, runs)) / max(1, len(content))
    text = b"\0" not in content
    try:
        content[: -4 or None].decode("utf-8")
    except UnicodeDecodeError as error:
        text = text and (error.start > len(content) - 8 or len(content.translate(None, _NO_CONTROL)) < _CONTROLS)
    return density, in_runs, text


def _unlike(files: Sequence[_Writing]) -> Iterator[tuple[_Writing, list[str]]]:
    """Yield the files that are written otherwise than nearly all of the others, with in what."""
    few = min(_FEW, max(1, int(len(files) * SHARE)))
    dense = sorted(file.density for file in files)[-few - 1]
    runs = sum(file.in_runs >= _IN_RUNS for file in files)
    other = sum(not file.text for file in files)
    for file in files:
        differs = []
        if file.density >= max(_DENSE, dense + _MARGIN):
            differs.append("density")
        if file.in_runs >= _IN_RUNS and runs <= few:
            differs.append("runs")
        if not file.text and other <= few:
            differs.append("no text")
        if differs:
            yield file, differs
