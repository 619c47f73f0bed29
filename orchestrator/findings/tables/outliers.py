"""The file that differs from hundreds of its neighbours by age, owner, name or stamp, where packages have no say."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.files import collected_at
from stopgap.orchestrator.findings.tables.packages import digests_of

TREE = re.compile(
    r"^(?P<root>/var/www/[^/]+|/srv/(?:www/)?[^/]+|/opt/[^/]+|/usr/share/nginx/[^/]+|/home/[^/]+/[^/.][^/]*|/usr/local/[^/]+)/"
    r".*\.(?P<end>php\d?|phtml|inc|js|mjs|cjs|ts|py|pl|pm|rb|sh|cgi|jsp|class|jar|lua|so)$",
    re.IGNORECASE,
)
LEAST = 30
"""Neighbours of the same kind, without which nothing is an outlier."""
SHARE = 0.02
"""Of the neighbours: what fewer share is seldom."""
_TOGETHER = 3600.0
"""Seconds within which files are changed by one act, such as an upgrade."""
_DAY = 86400.0
_FAR = 365 * _DAY
_MOST = 500_000
"""Files that are looked at."""
_NAMES = {
    "hidden": re.compile(r"^\."),
    "number": re.compile(r"^[0-9]+\.\w+$"),
    "hexadecimal": re.compile(r"^(?=[a-f]*[0-9])[0-9a-f]{6,40}\.\w+$"),
    "without a vowel": re.compile(r"(?i)^(?=\w*[a-z])[bcdfghjklmnpqrstvwxz0-9]{5,20}\.\w+$"),
    "of other letters": re.compile(r"[^\x20-\x7e]"),
}


class _File(NamedTuple):
    line: int
    name: str
    uid: int
    size: int
    modified: float
    changed: float
    shape: str


@dataclass(frozen=True)
class _Neighbours:
    """What most files of one tree and one kind have in common."""

    count: int
    changes: list[float]
    """Times of change, sorted."""
    modified: float
    """The median of their last modifications."""
    span: tuple[float, float]
    """Between which times all but the first and the last fiftieth of them were modified."""
    whole: int
    """How many were modified at a whole second, as archives and touch(1) have it, and no writing."""
    owners: Counter[int]
    shapes: Counter[str]

    def differences(self, file: _File) -> Iterator[str]:
        """Yield in what a file differs from its neighbours."""
        few = max(1, int(self.count * SHARE))
        together = bisect_right(self.changes, file.changed + _TOGETHER) - bisect_left(
            self.changes, file.changed - _TOGETHER
        )
        newest = bisect_left(self.changes, file.changed - _TOGETHER) >= self.count * 0.9
        alone = newest and together <= few and file.changed - self.changes[self.count // 2] > _DAY
        if alone:
            yield "age"
        if alone and file.changed - file.modified > 7 * _DAY and abs(file.modified - self.modified) < 30 * _DAY:
            yield "a date that was set back among theirs"
        if not file.modified % 1 and self.whole <= few:
            yield "a date in whole seconds"
        if not self.span[0] - _FAR <= file.modified <= self.span[1] + _FAR:
            yield "a date far from all of theirs"
        if self.owners[file.uid] <= few:
            yield "owner"
        if file.shape and self.shapes[file.shape] <= few:
            yield f"name: {file.shape}"


@table(
    "outliers",
    reads="bodyfile",
    also="package-digests",
    fields={
        "path": "the file",
        "tree": "the site, the application or the directory of a person",
        "neighbours": "files of the same kind in it",
        "differs": "in what: `age`, `owner`, `name: …`, a date set back, far from theirs, or in whole seconds",
        "ways": "in how many of these",
        "age": "days since its inode changed",
        "uid": "whose it is",
    },
)
def outliers(collected: CollectionReader) -> Iterator[Row]:
    """Files of code that differ from hundreds of the same kind beside them, where packages have no say."""
    digests, now = digests_of(collected), collected_at(collected)
    groups: dict[tuple[str, str], list[_File]] = {}
    count = 0

    def wanted(name: str, is_link: bool) -> bool:
        return (
            not is_link
            and name.startswith(("/var/www/", "/srv/", "/opt/", "/home/", "/usr/"))
            and bool(TREE.match(name))
        )

    for entry in entries_named(collected, "bodyfile", wanted):
        found = TREE.match(entry.name)
        if found is None or not entry.mode.startswith("-") or digests.knows(entry.name) == "yes":
            continue
        count += 1
        if count > _MOST or not collected.meter.hold("files beside others", entry.name):
            collected.meter.leave_out("bodyfile: files beside others")
            break
        groups.setdefault((found["root"], found["end"].lower()), []).append(_of(entry))
    for (tree, _), files in groups.items():
        if len(files) <= LEAST:
            continue
        neighbours = _Neighbours(
            len(files), sorted(file.changed for file in files), median(file.modified for file in files),
            _span([file.modified for file in files]), sum(not file.modified % 1 for file in files),
            Counter(file.uid for file in files), Counter(file.shape for file in files),
        )  # fmt: skip
        for file in files:
            differs = list(neighbours.differences(file))
            if len(differs) > 1:
                row: Fields = {"path": file.name, "tree": tree, "neighbours": len(files) - 1}
                row |= {"differs": ", ".join(differs), "ways": len(differs), "uid": file.uid}
                row |= {"age": round((now - file.changed) / _DAY, 2)}
                yield Row(row, Place("bodyfile", file.line), file.changed)


def _span(times: list[float]) -> tuple[float, float]:
    """Return the times between which all but the first and the last fiftieth lie, of 30 and more."""
    ordered, few = sorted(times), max(1, int(len(times) * SHARE))
    return ordered[few], ordered[-few - 1]


def _of(entry: Entry) -> _File:
    last = entry.name.rpartition("/")[2]
    shape = next((shape for shape, pattern in _NAMES.items() if pattern.search(last)), "")
    return _File(entry.line, entry.name, entry.uid, entry.size, entry.modified, entry.changed, shape)
