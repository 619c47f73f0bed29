"""The files of systemd's journal by journalctl(1): what fails its check, and what is missing between others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.hostnumber import parse_int

_FAILED = re.compile(r"FAIL: (/.{1,4000}?)(?: \((.{1,200})\))?$")
_NUMBERED = re.compile(r"(Head|Tail) sequential number: ([0-9]{1,20})\b")
_ARCHIVED = re.compile(r"@[0-9a-f-]{16,80}\.journal$")
_MOST = 10_000
"""Files of a journal."""


@dataclass
class _File:
    line: int
    path: str
    series: str = ""
    head: int = 0
    tail: int = 0


@table(
    "journal-files",
    reads="journal-state",
    fields={
        "path": "the file",
        "broken": "what its check says; empty where it is whole",
        "closed": "nothing is written to it any more",
        "unclean": "it was left when the host stopped without notice",
        "missing": "entries between this file and the ones before it that no file has",
    },
)
def journal_files(collected: CollectionReader) -> Iterator[Row]:
    """Files of the journal that fail their own check, and those before which entries are missing."""
    found: list[_File] = []
    broken: dict[str, tuple[int, str]] = {}
    for number, text in collected.lines("journal-state"):
        line = text[:4096].rstrip()
        if line.startswith("File path: /"):
            if len(found) >= _MOST or not collected.meter.hold("files of the journal", line):
                collected.meter.leave_out("journal-state: files of the journal")
                break
            found.append(_File(number, line.removeprefix("File path: ")))
        elif found and line.startswith("Sequential number ID: "):
            found[-1].series = line.removeprefix("Sequential number ID: ")[:64]
        elif found and (numbered := _NUMBERED.match(line)):
            value = parse_int(numbered[2], 20) or 0
            if numbered[1] == "Head":
                found[-1].head = value
            else:
                found[-1].tail = value
        elif (failed := _FAILED.match(line)) and collected.meter.hold("files of the journal", failed[1]):
            broken.setdefault(failed[1], (number, failed[2] or "its check fails"))
    missing = dict(_missing(found))
    for file in found:
        if lacks := missing.get(file.path, 0):
            yield _row(file.path, "", lacks, file.line)
    for path, (number, why) in broken.items():
        yield _row(path, why, 0, number)


def _row(path: str, broken: str, missing: int, line: int) -> Row:
    row: Fields = {"path": path, "broken": broken, "closed": bool(_ARCHIVED.search(path))}
    row |= {"unclean": path.endswith(".journal~"), "missing": missing}
    return Row(row, Place("journal-state", line))


def _missing(files: list[_File]) -> Iterator[tuple[str, int]]:
    """Yield files before which numbers are missing that the files of the same series before them do not reach."""
    series: dict[str, list[_File]] = {}
    for file in files:
        if file.series and file.head and file.tail >= file.head:
            series.setdefault(file.series, []).append(file)
    for same in series.values():
        same.sort(key=lambda file: file.head)
        reached = same[0].tail
        for file in same[1:]:
            if file.head > reached + 1:
                yield file.path, file.head - reached - 1
            reached = max(reached, file.tail)
