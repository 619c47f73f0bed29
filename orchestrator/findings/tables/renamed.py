"""Many files renamed with one additional file extension, as encrypting programs do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.packages import digests_of

_ENDS = re.compile(
    r"(?i)\.(?:docx?|xlsx?|pptx?|od[tsp]|pdf|txt|csv|jpe?g|png|gif|tiff?|mp[34]|avi|mov|sql|db|sqlite3?|mdb|zip|tar|gz|7z"
    r"|php|html?|js|py|xml|json|pem|key|crt|vmdk|vmx|qcow2|img)\.(?P<end>[\w-]{2,24})$"
)
_USUAL = re.compile(
    r"(?i)^(?:gz|bz2|xz|zst|lz4|zip|br|bak\w*|old|orig|save|tmp|new|swp|dist|sample|example|default|in|tpl|twig|tmpl|j2|erb|md5|sha\d+"
    r"|sig|asc|gpg|pgp|enc|map|min|lock|part\w*|dpkg-\w+|ucf-\w+|rpm\w+|pub|crt|html?|js|mjs|css|txt|php|py[co]?|json|xml|ya?ml|md|rst|log"
    r"|stub|phtml|inc|disabled|conf|template|snap|test|spec|ts|tsx|svg|png|jpg|webp|avif|po|mo|license|gitignore|[a-z]?\d+|[a-z]{2}(?:[-_]\w+)?)$"
)
_OF_PACKAGES = ("/usr/", "/etc/", "/var/lib/ucf/", "/var/lib/dpkg/", "/var/cache/", "/proc/", "/sys/")
"""Where packages keep files under endings of their own."""
_FEWEST = 5
_MOST = 200_000
_TOGETHER = 3600.0
"""Seconds within which the files of one ending were changed, but for a tenth of them."""


@table(
    "renamed",
    reads="bodyfile",
    also="package-digests",
    fields={
        "path": "one of the files",
        "end": "the ending that they have in common",
        "count": "how many",
        "span": "minutes within which nine of ten of them were changed",
    },
)
def renamed(collected: CollectionReader) -> Iterator[Row]:
    """Endings that five files and more share behind those of documents, data or code, all changed within an hour."""
    digests = digests_of(collected)
    groups: dict[str, list[Entry]] = {}
    count = 0

    def wanted(name: str, is_link: bool) -> bool:
        found = None if is_link or name.startswith(_OF_PACKAGES) else _ENDS.search(name)
        return found is not None and not _USUAL.match(found["end"])

    for entry in entries_named(collected, "bodyfile", wanted):
        found = _ENDS.search(entry.name)
        if found is None or not entry.mode.startswith("-") or not entry.size or digests.knows(entry.name) == "yes":
            continue
        count += 1
        if count > _MOST or not collected.meter.hold("renamed files", entry.name):
            collected.meter.leave_out("bodyfile: renamed files")
            break
        groups.setdefault(found["end"], []).append(entry)
    for end, files in groups.items():
        times = sorted(entry.changed for entry in files)
        span = times[-1] - times[len(times) // 10]
        if len(files) >= _FEWEST and span <= _TOGETHER:
            last = max(files, key=lambda entry: entry.changed)
            row: Fields = {"path": last.name, "end": end, "count": len(files), "span": round(span / 60, 1)}
            yield Row(row, Place("bodyfile", last.line), last.changed)
