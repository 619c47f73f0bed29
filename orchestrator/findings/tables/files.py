"""Files by metadata: all files, and lists of conspicuous files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, Value, table
from stopgap.orchestrator.findings.tables.body import Entry, entries
from stopgap.orchestrator.findings.tables.packages import Digests
from stopgap.orchestrator.hostnumber import parse_moment

_FIELDS = {
    "path": "the path",
    "name": "its last part",
    "folder": "the rest",
    "target": "where a link leads",
    "kind": "`file`, `directory`, `link` or `other`",
    "mode": "as ls has it",
    "uid": "whose it is",
    "gid": "its group",
    "size": "bytes",
    "runs": "a file that may be executed",
    "suid": "it runs as its owner, or as its group",
    "hidden": "its name begins with a dot",
    "age": "days since its inode changed (ctime), when it was collected",
    "written": "days since its content was written (mtime)",
    "packaged": "a package brought it, by the packages' own record; `unknown` without one",
}
_KINDS = {"-": "file", "d": "directory", "l": "link"}


@table("files", reads="bodyfile", also="package-digests", fields=_FIELDS)
def files(collected: CollectionReader) -> Iterator[Row]:
    """Every entry of the local filesystems."""
    return _rows(collected, "bodyfile")


@table("changed", reads="changed-24h", also="package-digests", fields=_FIELDS)
def changed(collected: CollectionReader) -> Iterator[Row]:
    """Entries written within a day, or with a changed name, owner or mode."""
    return _rows(collected, "changed-24h")


@table("accessed", reads="accessed-24h", also="package-digests", fields=_FIELDS)
def accessed(collected: CollectionReader) -> Iterator[Row]:
    """Files read within a day, if the mounts record access times."""
    return _rows(collected, "accessed-24h")


@table("privileged", reads="privileged-files", also="package-digests", fields=_FIELDS)
def privileged(collected: CollectionReader) -> Iterator[Row]:
    """Set-user-ID and set-group-ID files."""
    return _rows(collected, "privileged-files")


@table("unowned", reads="unowned-files", also="package-digests", fields=_FIELDS)
def unowned(collected: CollectionReader) -> Iterator[Row]:
    """Files owned by users or groups unknown to the host."""
    return _rows(collected, "unowned-files")


@table("devices", reads="device-directory", fields=_FIELDS)
def devices(collected: CollectionReader) -> Iterator[Row]:
    """Regular files and directories below /dev."""
    return _rows(collected, "device-directory")


def _rows(collected: CollectionReader, artifact: str) -> Iterator[Row]:
    digests, now = Digests(collected), collected_at(collected)
    for entry in entries(collected, artifact):
        time = entry.accessed if artifact == "accessed-24h" else entry.changed
        yield Row(_fields(entry, digests, now), Place(artifact, entry.line), time)


def _fields(entry: Entry, digests: Digests, now: float) -> Mapping[str, Value]:
    folder, _, name = entry.name.rpartition("/")
    return {
        "path": entry.name,
        "name": name,
        "folder": folder or "/",
        "target": entry.target,
        "kind": _KINDS.get(entry.mode[:1], "other"),
        "mode": entry.mode,
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "runs": entry.mode[:1] == "-" and ("x" in entry.mode or "s" in entry.mode),
        "suid": "s" in entry.mode[1:],
        "hidden": name.startswith("."),
        "age": round((now - entry.changed) / 86400, 2),
        "written": round((now - entry.modified) / 86400, 2),
        "packaged": digests.knows(entry.name),
    }


def collected_at(collected: CollectionReader) -> float:
    """Return the start of the collection by the host's clock, in seconds since the epoch."""
    started = parse_moment(collected.manifest.started)
    return (started.timestamp() if started else 0.0) + (collected.manifest.clock_skew or 0.0)


@table(
    "attributes",
    reads="attributes",
    fields={"path": "the path", "immutable": "nobody can change it", "append": "it can only grow"},
)
def attributes(collected: CollectionReader) -> Iterator[Row]:
    """Immutable or append-only files and directories (chattr(1))."""
    for number, text in collected.lines("attributes"):
        flags, _, path = text.partition(" ")
        if re.fullmatch(r"[A-Za-z-]{4,32}", flags) and path.startswith("/"):
            row: Fields = {"path": path, "immutable": "i" in flags, "append": "a" in flags}
            yield Row(row, Place("attributes", number))


@table(
    "capabilities",
    reads="capabilities",
    also="package-digests",
    fields={"path": "the file", "powers": "as getcap lists them", "packaged": "a package brought it, or `unknown`"},
)
def capabilities(collected: CollectionReader) -> Iterator[Row]:
    """Files with capabilities."""
    digests = Digests(collected)
    for number, text in collected.lines("capabilities"):
        match = re.fullmatch(r"(/.*?)(?: =)? (cap_[\w,]+[=+][a-z]+.*)", text, re.DOTALL)
        if match:
            row: Fields = {"path": match[1], "powers": match[2], "packaged": digests.knows(match[1])}
            yield Row(row, Place("capabilities", number))
