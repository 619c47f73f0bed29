"""Code injected into programs: settings of the dynamic loader, and mapped files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.hostnumber import parse_int


@table(
    "preload",
    reads="preload",
    fields={"source": "the loader's file, or a process's environment", "variable": "its name", "value": "its value"},
)
def preload(collected: CollectionReader) -> Iterator[Row]:
    """Libraries preloaded by the dynamic loader."""
    for number, text in collected.lines("preload"):
        source, colon, rest = text.partition(":")
        if not colon:
            continue
        variable, equals, value = rest.partition("=")
        if source.startswith("/proc/") and equals:
            yield Row({"source": source, "variable": variable, "value": value}, Place("preload", number))
        elif source.startswith("/etc/") and rest.partition("#")[0].strip():
            yield Row({"source": source, "variable": "", "value": rest.strip()}, Place("preload", number))


@table(
    "mappings",
    reads="process-code",
    fields={
        "pid": "the process",
        "path": "the file; empty where there is none",
        "gone": "it was deleted",
        "mode": "`r-xp`; with a `w` the code can be rewritten",
    },
)
def mappings(collected: CollectionReader) -> Iterator[Row]:
    """Code mapped by processes, each file once per process."""
    last: tuple[str, str] | None = None
    own = collected.trace("process-code")
    for number, text in collected.lines("process-code"):
        if own and own in text:
            continue
        match = re.match(r"/proc/([0-9]{1,9})/maps:\S+ (\S{4}) \S+ \S+ [0-9]+ *(.*)", text, re.DOTALL)
        if not match or (match[1], match[3]) == last:
            continue
        last = (match[1], match[3])
        path = match[3].removesuffix(" (deleted)")
        row: Fields = {"pid": parse_int(match[1], 9) or 0, "path": path, "gone": path != match[3], "mode": match[2]}
        yield Row(row, Place("process-code", number))
