"""The origin of a file: whether a package brought it, since when it is there, whose it is, and who may write it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.packages import Digests

Origin: TypeAlias = Literal["yes", "no", "absent", "unknown"]
"""Of a package; of none; not on the host; not known."""
_MERGED = re.compile(r"^/usr(?=/(?:bin|sbin|lib|lib32|lib64|libx32)/)")
_RECORDS = "/var/lib/dpkg/info/"
_LINKS = re.compile(r"^(?:/usr)?/(?:bin|sbin|lib|lib64)/|^/etc/alternatives/|^/usr/local/(?:s?bin|lib)/")
_SLACK = 2
"""Minutes by which a file that a package's script makes may be older or newer than the package's record."""
_MOST_LINKS = 100_000
_HOPS = 5


def canonical(path: str) -> str:
    """Return a path without the `/usr` that merged directories share (file-hierarchy(7))."""
    return _MERGED.sub("", path)


@dataclass(frozen=True)
class Origins:
    """What the packages' record and the body file say of the files that were asked for."""

    digests: Digests
    seen: dict[str, Entry]
    """By canonical path."""
    links: dict[str, str]
    """Canonical path → target, of links among the system's programs and libraries."""
    minutes: frozenset[int]
    """Minutes since the epoch in which the package manager wrote its records."""
    walked: bool
    """The body file lists every entry of the host, so that what it lacks is not there."""

    def resolve(self, path: str) -> str:
        """Follow links among the system's own directories; at most five."""
        for _ in range(_HOPS):
            target = self.links.get(canonical(path))
            if not target:
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        return path

    def of(self, path: str) -> Origin:
        """Return the origin of a file by its path, links followed."""
        real = self.resolve(path)
        known = self.digests.knows(real)
        if known == "no" and self.walked and real == path and canonical(real) not in self.seen:
            return "absent"
        return known

    def entry(self, path: str) -> Entry | None:
        """Return what the body file says of a file; None where it lists none."""
        return self.seen.get(canonical(path))

    def installed(self, changed: float) -> bool:
        """Tell whether the package manager was at work at a time, in seconds since the epoch."""
        return bool(changed) and any(int(changed // 60) + n in self.minutes for n in range(-_SLACK, _SLACK + 1))


@dataclass
class _Walk:
    seen: dict[str, Entry] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    minutes: set[int] = field(default_factory=set)


def origins(collected: CollectionReader, wanted: Iterable[str], digests: Digests) -> Origins:
    """Look up files in the body file, in one pass; links of the system's own directories come with them."""
    names = {canonical(path) for path in wanted}
    walk = _Walk()

    def interesting(name: str, is_link: bool) -> bool:
        if canonical(name) in names:
            return True
        return name.startswith(_RECORDS) or (is_link and bool(_LINKS.match(name)))

    for entry in entries_named(collected, "bodyfile", interesting):
        name = canonical(entry.name)
        if entry.name.startswith(_RECORDS):
            if entry.name.endswith(".list"):
                walk.minutes.add(int(entry.changed // 60))
        elif entry.mode.startswith("l") and len(walk.links) < _MOST_LINKS and collected.meter.hold("links", name):
            walk.links[name] = entry.target
        if name in names:
            walk.seen[name] = entry
    item = collected.item("bodyfile")
    walked = item is not None and item.file is not None and not item.truncated and bool(walk.seen or walk.minutes)
    return Origins(digests, walk.seen, walk.links, frozenset(walk.minutes), walked)
