"""Command histories, and signs of suppressed histories."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.accounts import text_of
from stopgap.orchestrator.hostnumber import parse_int


@table(
    "histories",
    reads="histories",
    fields={"path": "the file", "kind": "`file`, `link`, …", "target": "where a link leads", "size": "bytes"},
)
def histories(collected: CollectionReader) -> Iterator[Row]:
    """Files of histories."""
    for member in collected.members("histories"):
        row: Fields = {"path": member.name, "kind": member.kind, "target": member.target, "size": member.size}
        yield Row(row, Place("histories", None, member.name, member.offset))


@table(
    "history-lines",
    reads="histories",
    fields={"path": "the file", "text": "the line", "time": "seconds since the epoch, or 0 where it is not written"},
)
def history_lines(collected: CollectionReader) -> Iterator[Row]:
    """Lines of the histories of shells and clients, with timestamps if recorded (HISTTIMEFORMAT)."""
    for member in collected.members("histories"):
        if member.kind != "file":
            continue
        time = 0
        for number, text in text_of(member):
            stamp = re.fullmatch(r"#([0-9]{9,10})", text)
            zsh = re.match(r": ([0-9]{9,10}):[0-9]{1,10};(.*)", text, re.DOTALL)
            if stamp:
                time = parse_int(stamp[1], 10) or 0
                continue
            if zsh:
                time, text = parse_int(zsh[1], 10) or 0, zsh[2]  # noqa: PLW2901
            if text.strip():
                row: Fields = {"path": member.name, "text": text, "time": time}
                yield Row(row, Place("histories", number, member.name), time)
