"""Compiled modules of Python that something else than a package's installation wrote among the packages' own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.origin import (
    STATUS,
    near_installation,
    note_status,
    note_work,
    started_at,
    tells_of_work,
)
from stopgap.orchestrator.findings.tables.packages import digests_of

_COMPILED = re.compile(r"^/usr/lib(?:64)?/python3[^/]*/(?:.*/)?__pycache__/[^/]+\.pyc$")
_FEW = 5
"""More of them come of somebody who ran Python as root where nothing was compiled."""


@table(
    "compiled",
    reads="bodyfile package-digests",
    fields={
        "path": "the compiled module",
        "others": "compiled modules that were written while packages were installed",
        "age": "days since its inode changed",
        "uid": "whose it is",
    },
)
def compiled(collected: CollectionReader) -> Iterator[Row]:
    """The few compiled modules that were written at another time than all others of packages."""
    digests, now = digests_of(collected), collected_at(collected)
    minutes: dict[int, float] = {}
    found: list[Entry] = []

    def wanted(name: str, is_link: bool) -> bool:
        return name in STATUS or tells_of_work(name) or (not is_link and bool(_COMPILED.match(name)))

    for entry in entries_named(collected, "bodyfile", wanted):
        if entry.name in STATUS:
            note_status(minutes, entry.changed)
        elif tells_of_work(entry.name):
            note_work(minutes, entry.changed)
        elif digests.knows(entry.name) == "no" and collected.meter.hold("compiled modules", entry.name):
            found.append(entry)
    started = started_at(collected)
    apart = [entry for entry in found if not near_installation(entry.changed, minutes, started)]
    if not minutes or len(apart) > _FEW:
        return
    for entry in apart:
        row: Fields = {"path": entry.name, "others": len(found) - len(apart), "uid": entry.uid}
        yield Row(
            row | {"age": round((now - entry.changed) / 86400, 2)}, Place("bodyfile", entry.line), entry.changed
        )
