"""Processes by other views than /proc: open files, ps, and lists that a rootkit has to forge as well."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.confinement import contained, control_groups
from stopgap.orchestrator.hostnumber import parse_int

_PID_DIGITS = 9
_NUMBER_DIGITS = 11
_OPEN = re.compile(r"/proc/([0-9]{1,9})/fd/[0-9]{1,9}")


@table(
    "deleted-open",
    reads="process-links",
    fields={"pid": "the process", "path": "the file"},
)
def deleted_open(collected: CollectionReader) -> Iterator[Row]:
    """Deleted files still open in a process."""
    for entry in entries(collected, "process-links"):
        match = _OPEN.fullmatch(entry.name)
        pid = parse_int(match[1], _PID_DIGITS) if match else None
        if match and pid is not None and entry.target.endswith(" (deleted)"):
            row: Fields = {"pid": pid, "path": entry.target.removesuffix(" (deleted)")}
            yield Row(row, Place("process-links", entry.line))


_SECRET = re.compile(
    r"/etc/g?shadow-?|/etc/ssh/ssh_host_\w+_key|(?:/root|/home/[^/]+)/\.ssh/id_\w+|/proc/kcore|/proc/\d+/mem"
)
"""What a program reads at once, if it may at all, and does not keep open."""


@table(
    "held-secrets",
    reads="process-links",
    also="process-relations",
    fields={"pid": "the process", "path": "the file that it holds open", "program": "the file that it runs"},
)
def held_secrets(collected: CollectionReader) -> Iterator[Row]:
    """Processes that hold open the hashes of passwords, a private key, or another's memory."""
    inside = contained(control_groups(collected))
    programs: dict[int, str] = {}
    held: list[tuple[int, str, int]] = []
    for entry in entries(collected, "process-links"):
        pid = parse_int(entry.name[6:].partition("/")[0], _PID_DIGITS) if entry.name.startswith("/proc/") else None
        if pid is None or pid in inside:
            continue
        path = entry.target.removesuffix(" (deleted)")
        if entry.name == f"/proc/{pid}/exe" and collected.meter.hold("programs", entry.target):
            programs[pid] = entry.target
        elif (
            _OPEN.fullmatch(entry.name)
            and _SECRET.fullmatch(path)
            and path != f"/proc/{pid}/mem"
            and collected.meter.hold("secrets", path)
        ):
            held.append((pid, path, entry.line))
    for pid, path, line in held:
        row: Fields = {"pid": pid, "path": path, "program": programs.get(pid, "")}
        yield Row(row, Place("process-links", line))


@table("ps", reads="process-list", fields={"pid": "the number"})
def shown_by_ps(collected: CollectionReader) -> Iterator[Row]:
    """Processes listed by the host's ps."""
    column = 0
    for number, text in collected.lines("process-list"):
        fields = text.split()
        if "PID" in fields:
            column = fields.index("PID")
        elif len(fields) > column and (pid := parse_int(fields[column], _NUMBER_DIGITS)) is not None:
            yield Row({"pid": pid}, Place("process-list", number))


@table("listed", reads="hidden-processes", fields={"pid": "the number"})
def listed(collected: CollectionReader) -> Iterator[Row]:
    """Processes listed in /proc a moment after ps."""
    for number, text in collected.lines("hidden-processes"):
        if text.startswith("looked at ") and ", listed " in text:
            for word in text.rpartition(", listed ")[2].split():
                if (pid := parse_int(word, _NUMBER_DIGITS)) is not None:
                    yield Row({"pid": pid}, Place("hidden-processes", number))


@table(
    "hidden",
    reads="hidden-processes",
    fields={"pid": "the number", "name": "what it calls itself", "how": "`hidden` or `masked`"},
)
def hidden(collected: CollectionReader) -> Iterator[Row]:
    """Processes in existence but absent from /proc, twice within a second."""
    for number, text in collected.lines("hidden-processes"):
        match = re.match(r"(hidden|masked): ([0-9]{1,10})\s*(.*)", text)
        pid = parse_int(match[2], _NUMBER_DIGITS) if match else None
        if match and pid is not None:
            yield Row({"how": match[1], "pid": pid, "name": match[3]}, Place("hidden-processes", number))


@table(
    "relatives",
    reads="process-relations hidden-processes",
    fields={
        "pid": "the number",
        "source": "the file of the kernel that names it",
        "older": "it has a smaller number than the latest one listed before: it was there when /proc was listed",
    },
)
def relatives(collected: CollectionReader) -> Iterator[Row]:
    """Processes named by lists of children and by control groups."""
    latest = max((int(row.fields["pid"]) for row in listed(collected)), default=0)
    for number, text in collected.lines("process-relations"):
        source, _, rest = text.partition(":")
        for word in rest.split():
            if pid := parse_int(word, _NUMBER_DIGITS):
                fields: Fields = {"pid": pid, "source": source, "older": pid < latest}
                yield Row(fields, Place("process-relations", number))
