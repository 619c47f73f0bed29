"""Processes, as /proc has them, as ps lists them, and as other views of the kernel know them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stopgap.orchestrator.evidence.shelf import Shelf
from stopgap.orchestrator.findings.table import FEW_KEYS, Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.files import collected_at

ARGUMENTS = 4096
"""Characters of a command line that are kept."""
_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD of the flags in /proc/PID/stat (proc(5); include/linux/sched.h)."""
_HZ = 100
"""Ticks a second in which the kernel tells a process's start, whatever its own (USER_HZ; time(7))."""
_FILE = re.compile(r"/proc/(\d{1,9})/(\w+)(?:/([^:]*))?:(.*)", re.DOTALL)
_LINK = re.compile(r"/proc/(\d{1,9})/(exe|cwd|fd/\d+)")
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(slots=True)
class _Process:
    line: int = 0
    name: str = ""
    parent: int = 0
    kernel: bool = False
    ticks: int = 0
    uid: int = -1
    tracer: int = 0
    arguments: str = ""
    program: str = ""
    folder: str = ""
    sockets: int = 0


@table(
    "processes",
    reads="processes process-links",
    also="process-arguments sockets clock",
    fields={
        "pid": "its number",
        "parent": "its parent's number",
        "name": "what it calls itself (comm)",
        "kernel": "a thread of the kernel, by the kernel's own mark",
        "uid": "whose it is",
        "tracer": "the process that traces it, or 0",
        "arguments": "its command line, parted by blanks",
        "program": "the file that it runs; empty where the link could not be read",
        "gone": "that file was deleted, or never had a name",
        "memory": "that file lives in memory alone (memfd)",
        "folder": "where it stands",
        "sockets": "its sockets that are neither local ones nor netlink's: network, or closed meanwhile",
    },
)
def processes(shelf: Shelf) -> Iterator[Row]:
    """Processes by /proc, each with the program it runs."""
    found = _from_proc(shelf)
    _add_arguments(shelf, found)
    _add_links(shelf, found)
    boot = _boot(shelf)
    for pid, process in found.items():
        gone = process.program.endswith(" (deleted)")
        yield Row(
            {
                "pid": pid,
                "parent": process.parent,
                "name": process.name,
                "kernel": process.kernel,
                "uid": process.uid,
                "tracer": process.tracer,
                "arguments": process.arguments,
                "program": process.program.removesuffix(" (deleted)"),
                "gone": gone,
                "memory": process.program.startswith("/memfd:"),
                "folder": process.folder,
                "sockets": process.sockets,
            },
            Place("processes", process.line),
            boot + process.ticks / _HZ if boot and process.ticks else 0.0,
        )


def _from_proc(shelf: Shelf) -> dict[int, _Process]:
    found: dict[int, _Process] = {}
    for number, text in shelf.lines("processes"):
        match = _FILE.match(text)
        if not match or (len(found) >= FEW_KEYS and int(match[1]) not in found):
            continue
        pid, file, value = int(match[1]), match[2], match[4]
        process = found.setdefault(pid, _Process(number))
        if file == "stat":
            process.name = value.partition("(")[2].rpartition(")")[0]
            fields = value.rpartition(")")[2].split()
            if len(fields) > 6 and fields[1].isdecimal() and fields[6].isdecimal():
                process.parent = int(fields[1][:9])
                process.kernel = bool(int(fields[6][:12]) & _KERNEL_THREAD)
                process.ticks = int(fields[19][:18]) if len(fields) > 19 and fields[19].isdecimal() else 0
        elif file == "status":
            key, _, rest = value.partition(":")
            first = rest.split()[:1]
            if first and first[0].isdecimal() and len(first[0]) < 12:
                if key == "Uid":
                    process.uid = int(first[0])
                elif key == "TracerPid":
                    process.tracer = int(first[0])
    return found


def _boot(shelf: Shelf) -> float:
    """Give the host's own time at which it started; 0 where it does not say."""
    for _, text in shelf.lines("clock"):
        if found := re.match(r"/proc/uptime:(\d{1,12}(?:\.\d{1,6})?) ", text):
            return max(0.0, collected_at(shelf) - float(found[1]))
    return 0.0


def _add_arguments(shelf: Shelf, found: dict[int, _Process]) -> None:
    own = shelf.trace("process-arguments")
    for _, text in shelf.lines("process-arguments"):
        if own and own in text:
            continue
        match = _FILE.match(text)
        if match and (process := found.get(int(match[1]))) and len(process.arguments) < ARGUMENTS:
            process.arguments = f"{process.arguments} {match[4]}".lstrip()[:ARGUMENTS]


def _add_links(shelf: Shelf, found: dict[int, _Process]) -> None:
    local = _local_sockets(shelf)
    for entry in entries(shelf, "process-links"):
        match = _LINK.fullmatch(entry.name)
        process = found.get(int(match[1])) if match else None
        if not match or not process:
            continue
        if match[2] == "exe":
            process.program = entry.target
        elif match[2] == "cwd":
            process.folder = entry.target
        elif (socket := _SOCKET.fullmatch(entry.target)) and socket[1] not in local:
            process.sockets += 1


def _local_sockets(shelf: Shelf) -> set[str]:
    found: set[str] = set()
    for _, text in shelf.lines("sockets"):
        path, _, rest = text.partition(":")
        fields = rest.split()
        if path.endswith("/unix") and len(fields) > 6:
            found.add(fields[6])
        elif path.endswith(("/netlink", "/packet")) and fields:
            found.add(fields[-1])
        if len(found) >= FEW_KEYS:
            break
    return found


@table(
    "deleted-open",
    reads="process-links",
    fields={"pid": "the process", "path": "the file"},
)
def deleted_open(shelf: Shelf) -> Iterator[Row]:
    """Files that were deleted and that a process still has open."""
    for entry in entries(shelf, "process-links"):
        match = _LINK.fullmatch(entry.name)
        if match and match[2].startswith("fd/") and entry.target.endswith(" (deleted)"):
            row: Fields = {"pid": int(match[1]), "path": entry.target.removesuffix(" (deleted)")}
            yield Row(row, Place("process-links", entry.line))


@table("ps", reads="process-list", fields={"pid": "the number"})
def shown_by_ps(shelf: Shelf) -> Iterator[Row]:
    """Processes that the host's ps lists."""
    column = 0
    for number, text in shelf.lines("process-list"):
        fields = text.split()
        if "PID" in fields:
            column = fields.index("PID")
        elif len(fields) > column and fields[column].isdecimal() and len(fields[column]) < 12:
            yield Row({"pid": int(fields[column])}, Place("process-list", number))


@table("listed", reads="hidden-processes", fields={"pid": "the number"})
def listed(shelf: Shelf) -> Iterator[Row]:
    """Processes that the listing of /proc shows a moment after ps was asked."""
    for number, text in shelf.lines("hidden-processes"):
        if text.startswith("looked at ") and ", listed " in text:
            for word in text.rpartition(", listed ")[2].split():
                if word.isdecimal() and len(word) < 12:
                    yield Row({"pid": int(word)}, Place("hidden-processes", number))


@table(
    "hidden",
    reads="hidden-processes",
    fields={"pid": "the number", "name": "what it calls itself", "how": "`hidden` or `masked`"},
)
def hidden(shelf: Shelf) -> Iterator[Row]:
    """Processes that exist though /proc does not list them, twice within a second."""
    for number, text in shelf.lines("hidden-processes"):
        match = re.match(r"(hidden|masked): (\d{1,10})\s*(.*)", text)
        if match:
            fields = {"how": match[1], "pid": int(match[2]), "name": match[3]}
            yield Row(fields, Place("hidden-processes", number))


@table(
    "relatives",
    reads="process-relations hidden-processes",
    fields={
        "pid": "the number",
        "source": "the file of the kernel that names it",
        "older": "it has a smaller number than the latest one listed before: it was there when /proc was listed",
    },
)
def relatives(shelf: Shelf) -> Iterator[Row]:
    """Processes that the lists of children and the control groups name."""
    latest = max((int(row.fields["pid"]) for row in listed(shelf)), default=0)
    for number, text in shelf.lines("process-relations"):
        source, _, rest = text.partition(":")
        for word in rest.split():
            if word.isdecimal() and int(word[:12]) > 0:
                pid = int(word[:12])
                fields: Fields = {"pid": pid, "source": source, "older": pid < latest}
                yield Row(fields, Place("process-relations", number))
