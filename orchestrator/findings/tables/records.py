"""The package manager's records: files of the records changed by another program."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.origin import STATUS

_INFO = "/var/lib/dpkg/info/"
_ENDS = frozenset({"list", "md5sums", "conffiles"})
_TOGETHER = 600.0
"""Seconds within which dpkg(1) writes all records of one package, when it unpacks it."""
_LATE = 60.0
"""Seconds after dpkg's last work in which it may still write."""


@table(
    "package-record-times",
    reads="bodyfile",
    fields={
        "path": "the record",
        "package": "of which package",
        "hours": "how much later it was changed than the package's other records",
        "after": "that was after dpkg's last work",
        "size": "bytes",
    },
)
def package_record_times(collected: CollectionReader) -> Iterator[Row]:
    """Lists and digests of packages' files that were changed long after the package's other records."""
    groups: dict[str, list[tuple[str, Entry]]] = {}
    status: dict[str, Entry] = {}

    def wanted(name: str, is_link: bool) -> bool:
        return not is_link and (name.startswith(_INFO) or name in STATUS)

    for entry in entries_named(collected, "bodyfile", wanted):
        if entry.name in STATUS:
            status[entry.name] = entry
            continue
        package, dot, end = entry.name.removeprefix(_INFO).rpartition(".")
        if dot and "/" not in package and collected.meter.hold("records of packages", entry.name):
            groups.setdefault(package, []).append((end, entry))
    now, last = collected_at(collected), min((entry.changed for entry in status.values()), default=0.0)
    newest = max(status.values(), key=lambda entry: entry.changed, default=None)
    if newest and last + _LATE < newest.changed <= now + 86400:
        row: Fields = {"path": newest.name, "package": "all", "after": True, "size": newest.size}
        yield Row(
            row | {"hours": round((newest.changed - last) / 3600, 1)}, Place("bodyfile", newest.line), newest.changed
        )
    for package, records in groups.items():
        first = min(entry.changed for _, entry in records)
        for end, entry in records:
            late = bool(last) and last + _LATE < entry.changed <= now + 86400
            # dpkg writes the list anew when it installs; the rest comes out of the package's archive.
            apart = len(records) > 1 and entry.changed > first + _TOGETHER and end != "list"
            if end in _ENDS and (late or apart):
                row = {"path": entry.name, "package": package, "after": late, "size": entry.size}
                row |= {"hours": round((entry.changed - first) / 3600, 1)}
                yield Row(row, Place("bodyfile", entry.line), entry.changed)
