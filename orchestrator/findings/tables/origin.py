"""The origin of a file: package or none, time of the last change, owner, and accounts with write access."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from stopgap.orchestrator.evidence.reader import CollectionReader, with_artifact
from stopgap.orchestrator.findings.tables.body import Entry, entries_named
from stopgap.orchestrator.findings.tables.packages import Digests
from stopgap.orchestrator.findings.tables.processes import processes

Origin: TypeAlias = Literal["yes", "no", "absent", "unknown"]
"""Of a package; of none; not on the host; not known."""
_MERGED = re.compile(r"^/usr(?=/(?:bin|sbin|lib|lib32|lib64|libx32)/)")
_RECORDS = "/var/lib/dpkg/info/"
_AT_WORK = ("/var/lib/dpkg/alternatives/", "/var/lib/systemd/deb-systemd-helper-enabled/", "/var/lib/ucf/")
"""Records that scripts of packages write while they set a package up, long after it was unpacked on a slow host."""
_LINKS = re.compile(r"^(?:/usr)?/(?:bin|sbin|lib|lib64)/|^/etc/alternatives/|^/usr/local/(?:s?bin|lib)/")
_SLACK = 2
"""Minutes by which a file that a package's script makes may be older or newer than the package's record."""
_LAST = -1
"""Stands in place of a minute for the time when dpkg(1) last wrote its status, after the last script of a package."""
_AFTER = 2.0
"""Seconds after that in which a file may still be a package's."""
STATUS = frozenset({"/var/lib/dpkg/status", "/var/lib/dpkg/status-old"})
"""dpkg(1) links the second to the first whenever it writes the first anew: what changes one alone is not dpkg."""
_MOST_LINKS = 100_000
_MOST_TEXT = 16 << 20
"""Bytes of all scripts of packages."""
_LARGEST = 256 << 10
"""Bytes of one."""
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
    minutes: Mapping[int, float]
    """Minutes since the epoch in which the package manager wrote its records → the last time in it, in seconds."""
    started: float
    """When the host started, in seconds since the epoch by its own clock; 0 where that is not known."""
    walked: bool
    """The body file lists every entry of the host, so that what it lacks is not there."""
    scripts: Scripts
    """What the scripts of packages name."""
    packages: frozenset[str] = frozenset()
    """Packages with a list of files, as dpkg names that list."""

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
        """Return the entry of a file in the body file; None for a file without an entry."""
        return self.seen.get(canonical(path))

    def at_work(self, changed: float) -> bool:
        """Tell whether the package manager was at work at a time, in seconds since the epoch."""
        return near_installation(changed, self.minutes, self.started)

    def made(self, path: str, changed: float, *, is_link: bool = False) -> bool:
        """Tell whether a package's script made a file that no package brought.

        The package manager was at work when the inode changed, in seconds since the epoch, and a script of a package
        names the file. Links are taken by their time alone: what counts is the file that a link leads to.
        """
        return self.at_work(changed) and (is_link or self.scripts.name(path))


class Scripts:
    """The scripts that packages run when they are installed or removed, as text."""

    def __init__(self, collected: CollectionReader) -> None:
        """Read nothing yet."""
        self._collected = collected

    @cached_property
    def _text(self) -> bytes:
        """The scripts, up to _MOST_TEXT bytes of them."""
        parts: list[bytes] = []
        size = 0
        for member in self._collected.members("maintainer-scripts"):
            if member.kind == "file" and member.name.startswith(_RECORDS) and size < _MOST_TEXT:
                content = member.read(_LARGEST)
                if self._collected.meter.hold("scripts of packages", content.decode("utf-8", "replace")):
                    parts.append(content)
                    size += len(content)
        return b"\n".join(parts)

    def name(self, path: str) -> bool:
        """Tell whether a script names a file: its whole path, or its directory and its last part.

        Where no script was collected, every file counts as named.
        """
        if not self._text:
            return True
        whole = path.encode("utf-8", "surrogateescape")
        folder, _, last = whole.rpartition(b"/")
        if whole in self._text:
            return True
        return (
            folder in self._text
            and re.search(rb"(?<![\w.-])" + re.escape(last) + rb"(?![\w.-])", self._text) is not None
        )


def near_installation(changed: float, minutes: Mapping[int, float], started: float) -> bool:
    """Tell whether a package's record was written within two minutes, and since the host started if the change was.

    What is planted on a host right after its image was made is nothing that a package made.
    """
    if not changed:
        return False
    near = (minutes.get(int(changed // 60) + n, 0.0) for n in range(-_SLACK, _SLACK + 1))
    last = minutes.get(_LAST, 0.0)
    if last and changed > last + _AFTER:
        return False
    return any(time and (changed < started or time >= started) for time in near)


def note_status(minutes: dict[int, float], changed: float) -> None:
    """Remember when dpkg(1) last wrote its status, in seconds since the epoch: the earlier time of its two files."""
    minutes[_LAST] = min(changed, minutes.get(_LAST, changed))


def tells_of_work(name: str) -> bool:
    """Tell whether a file is a record that dpkg(1), or a package's script at its bidding, writes."""
    return (name.startswith(_RECORDS) and name.endswith(".list")) or name.startswith(_AT_WORK)


def note_work(minutes: dict[int, float], changed: float) -> None:
    """Remember a time at which such a record was written, in seconds since the epoch."""
    minute = int(changed // 60)
    minutes[minute] = max(changed, minutes.get(minute, 0.0))


def started_at(collected: CollectionReader) -> float:
    """Return when the host's first process started, in seconds since the epoch; 0 where that was not collected."""
    return collected.once("started", _started_at)


def _started_at(collected: CollectionReader) -> float:
    volatile = with_artifact(collected.metered(collected.meter), "processes")
    return next((row.time for row in processes(volatile) if row.fields["pid"] == 1), 0.0)


@dataclass
class _Walk:
    seen: dict[str, Entry] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    minutes: dict[int, float] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)


def origins(collected: CollectionReader, wanted: Iterable[str], digests: Digests) -> Origins:
    """Look up files in the body file, in one pass; links of the system's own directories come with them."""
    names = {canonical(path) for path in wanted}
    walk = _Walk()

    def interesting(name: str, is_link: bool) -> bool:
        if canonical(name) in names:
            return True
        return tells_of_work(name) or name in STATUS or (is_link and bool(_LINKS.match(name)))

    for entry in entries_named(collected, "bodyfile", interesting):
        name = canonical(entry.name)
        if entry.name in STATUS:
            note_status(walk.minutes, entry.changed)
        if tells_of_work(entry.name):
            note_work(walk.minutes, entry.changed)
            if entry.name.startswith(_RECORDS) and collected.meter.hold("packages", entry.name):
                walk.packages.add(entry.name.removeprefix(_RECORDS).removesuffix(".list"))
        elif entry.mode.startswith("l") and len(walk.links) < _MOST_LINKS and collected.meter.hold("links", name):
            walk.links[name] = entry.target
        if name in names:
            walk.seen[name] = entry
    item = collected.item("bodyfile")
    walked = item is not None and item.file is not None and not item.truncated and bool(walk.seen or walk.minutes)
    return Origins(
        digests, walk.seen, walk.links, walk.minutes, started_at(collected), walked, Scripts(collected),
        frozenset(walk.packages),
    )  # fmt: skip
