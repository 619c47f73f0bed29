"""Files by metadata: all files, and lists of conspicuous files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, Value, table
from stopgap.orchestrator.findings.tables.body import ACCESSED, CHANGED, MODE, MODIFIED, Entry, entries, later
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of
from stopgap.orchestrator.hostnumber import parse_moment

FIELDS = {
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
    "ahead": "hours by which its content (mtime) is younger than its inode (ctime); 0 where it is not",
    "packaged": "a package brought it, by the packages' own record; `unknown` without one",
}
_DAY = 86400.0
_PRIVILEGED = re.compile(r"^-(?:..[sS]|.{5}[sS])")
_KINDS = {"-": "file", "d": "directory", "l": "link"}


@table("files", reads="bodyfile", also="package-digests", fields=FIELDS)
def files(collected: CollectionReader) -> Iterator[Row]:
    """Every entry of the local filesystems."""
    return _rows(collected, "bodyfile")


@table("changed", reads="bodyfile", also="package-digests", fields=FIELDS)
def changed(collected: CollectionReader) -> Iterator[Row]:
    """Entries written within a day, or with a changed name, owner or mode."""
    since = collected_at(collected) - _DAY
    return _rows(
        collected,
        "bodyfile",
        lambda entry: max(entry.changed, entry.modified) > since,
        likely=lambda fields: later(fields[CHANGED], since) or later(fields[MODIFIED], since),
    )


_PLACES = ("/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/opt", "/root", "/var/www", "/srv")
_UNINTERESTING = re.compile(
    r"\.(log|pid|lock|cache|pyc)$|/__pycache__/|^/etc/(resolv\.conf|mtab|adjtime|machine-id)$"
)
_MOST_PLACES = 1000
_LATEST = 3
"""Files of one place that are named."""


@table(
    "changed-places",
    reads="bodyfile",
    also="package-digests",
    fields={"place": "a directory", "count": "files and links changed below it", "latest": "those changed last"},
)
def changed_places(collected: CollectionReader) -> Iterator[Row]:
    """Directories with files and links that were changed within a day, and that no package brought."""
    counts: dict[str, int] = {}
    latest: dict[str, list[tuple[float, str]]] = {}
    places: dict[str, Place] = {}
    for row in changed(collected):
        path = str(row.fields["path"])
        below = next((place for place in _PLACES if path.startswith(f"{place}/")), "")
        if not below or row.fields["kind"] not in {"file", "link"} or row.fields["packaged"] == "yes":
            continue
        if _UNINTERESTING.search(path):
            continue
        parts = path[len(below) :].split("/")
        place = f"{below}/{parts[1]}" if below in {"/opt", "/srv", "/var/www", "/usr"} and len(parts) > 2 else below
        if place not in counts and len(counts) >= _MOST_PLACES:
            continue
        counts[place] = counts.get(place, 0) + 1
        newest = sorted([*latest.get(place, []), (row.time, path)], reverse=True)[:_LATEST]
        latest[place] = newest
        places.setdefault(place, row.place)
    for place, count in counts.items():
        names = ", ".join(path for _, path in latest[place])
        yield Row({"place": place, "count": count, "latest": names}, places[place], latest[place][0][0])


@table("accessed", reads="bodyfile", also="package-digests", fields=FIELDS)
def accessed(collected: CollectionReader) -> Iterator[Row]:
    """Files read within a day, if the mounts record access times; the walk itself reads directories."""
    since = collected_at(collected) - _DAY
    return _rows(
        collected,
        "bodyfile",
        lambda entry: entry.accessed > since and not entry.mode.startswith("d"),
        by_access=True,
        likely=lambda fields: later(fields[ACCESSED], since),
    )


@table("privileged", reads="bodyfile", also="package-digests", fields=FIELDS)
def privileged(collected: CollectionReader) -> Iterator[Row]:
    """Set-user-ID and set-group-ID files."""
    return _rows(collected, "bodyfile", likely=lambda fields: _PRIVILEGED.match(fields[MODE]) is not None)


@table("unowned", reads="unowned-files", also="package-digests", fields=FIELDS)
def unowned(collected: CollectionReader) -> Iterator[Row]:
    """Files owned by users or groups unknown to the host."""
    return _rows(collected, "unowned-files")


@table("devices", reads="device-directory", fields=FIELDS)
def devices(collected: CollectionReader) -> Iterator[Row]:
    """Regular files and directories below /dev."""
    return _rows(collected, "device-directory")


def _rows(
    collected: CollectionReader,
    artifact: str,
    wanted: Callable[[Entry], bool] = lambda _: True,
    *,
    by_access: bool = False,
    likely: Callable[[list[str]], bool] = lambda _: True,
) -> Iterator[Row]:
    digests, now = digests_of(collected), collected_at(collected)
    for entry in entries(collected, artifact, likely):
        if wanted(entry):
            time = entry.accessed if by_access else entry.changed
            yield Row(fields_of(entry, digests, now), Place(artifact, entry.line), time)


def fields_of(entry: Entry, digests: Digests, now: float) -> Mapping[str, Value]:
    """Return the fields of a row about a file; `now` in seconds since the epoch."""
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
        "ahead": round(max(0.0, entry.modified - entry.changed) / 3600, 2),
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


_Power: TypeAlias = tuple[str, frozenset[str], str]
_GIVES = re.compile(r"\bsetcap[ \t]+[\"']?(cap_[\w,]{1,200}[=+][a-z]{1,3})[\"']?[ \t]+[\"']?([^\s\"';]{1,300})")
_LARGEST_SCRIPT = 256 << 10


@table(
    "capabilities",
    reads="capabilities",
    also="package-digests maintainer-scripts",
    fields={
        "path": "the file",
        "powers": "as getcap lists them",
        "packaged": "a package brought it, or `unknown`",
        "given": "a package brought it, and a package's script gives a file of its name these powers",
    },
)
def capabilities(collected: CollectionReader) -> Iterator[Row]:
    """Files with capabilities."""
    digests = digests_of(collected)
    for number, text in collected.lines("capabilities"):
        match = re.fullmatch(r"(/.*?)(?: =)? (cap_[\w,]+[=+][a-z]+.*)", text, re.DOTALL)
        if match:
            packaged = digests.knows(match[1])
            row: Fields = {"path": match[1], "powers": match[2], "packaged": packaged}
            row |= {"given": packaged == "yes" and _power(match[1], match[2]) in collected.once("powers", _powers)}
            yield Row(row, Place("capabilities", number))


def _powers(collected: CollectionReader) -> frozenset[_Power]:
    """Return what setcap(8) gives to which file, in the scripts that packages run when they are installed."""
    found: set[_Power] = set()
    for member in collected.members("maintainer-scripts"):
        if member.kind == "file" and member.name.startswith("/var/lib/dpkg/info/"):
            text = member.read(_LARGEST_SCRIPT).decode("utf-8", "replace")
            for given in _GIVES.finditer(text):
                if collected.meter.hold("powers that packages give", given[0]):
                    found.add(_power(given[2], given[1]))
    return frozenset(found)


def _power(path: str, powers: str) -> _Power:
    """Return the last part of a file's path with its powers, in no order."""
    names, sign, flags = powers.partition("=") if "=" in powers else powers.partition("+")
    return path.rpartition("/")[2], frozenset(names.split(",")), flags if sign else ""


_ENTRY = re.compile(r"(user|group):([0-9]{1,10}):([r-][w-][x-])")


@table(
    "access-lists",
    reads="access-lists",
    fields={
        "path": "the file",
        "who": "`user` or `group`, and its number",
        "rights": "as `rw-`",
        "writes": "it may write",
        "secret": "the file holds password hashes or keys",
    },
)
def access_lists(collected: CollectionReader) -> Iterator[Row]:
    """Rights that access control lists give beyond owner and mode."""
    path = ""
    for number, text in collected.lines("access-lists"):
        if text.startswith("# file: "):
            path = text.removeprefix("# file: ")
        elif path and (found := _ENTRY.fullmatch(text.partition("\t")[0])):
            row: Fields = {"path": path, "who": f"{found[1]} {found[2]}", "rights": found[3]}
            row |= {"writes": "w" in found[3]}
            row |= {"secret": bool(re.search(r"/(g?shadow-?|sudoers|ssh_host_\w+_key|[^/]*\.key)$|^/root/", path))}
            yield Row(row, Place("access-lists", number))
