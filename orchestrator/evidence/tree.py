"""The file tree of a host, assembled from all items with files.

Most files come from archive items. Files of /proc, and a few more, come from text items, line by line
(`/proc/1/stat:…`) or string by string. Deleted programs and deleted open files appear under their processes. No name
given by a host is used as a path for writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Literal, TypeAlias

from stopgap.orchestrator.evidence.archive import LONGEST_PATH, Member
from stopgap.orchestrator.evidence.reader import CollectionReader, Line
from stopgap.orchestrator.hostnumber import parse_int, parse_moment
from stopgap.orchestrator.text import tr

Kind: TypeAlias = Literal["file", "link"]
MOST = 500_000
"""Paths of one host; more are left out."""
MOST_HOLES = 1 << 30
"""Bytes of holes in all files together, for whoever opens the tree reads them all; files beyond are left out."""
MOST_NAMES = 64 << 20
"""Bytes of the names of all paths and of the directories above them; paths beyond are left out."""
DEEPEST = 256
"""Directories above a path; deeper ones are left out, since each path may bring as many directories as it is deep."""
MOST_SHOWN = 16 << 20
"""Bytes of a file that was shown line by line; a longer one is left out."""
_PID_DIGITS = 9
_SHOWN = ("clock", "mounts", "processes", "memory")
_STRINGS = {"process-arguments": "cmdline", "process-environments": "environ"}
_LINE = re.compile(r"(/(?:etc|proc|proc/[0-9]{1,9})/[a-z][a-z/_-]{1,40}):(.*)", re.DOTALL)
_GONE = {
    "deleted-executables": re.compile(r"/proc/([0-9]{1,9})/(exe)"),
    "deleted-files": re.compile(r"/proc/([0-9]{1,9})/fd/([0-9]{1,9})"),
}
"""What lies in these archives: a process, and which of its files."""
_PID = re.compile(r"/proc/([0-9]{1,9})/")
_STAT = re.compile(r"/proc/([0-9]{1,9})/stat:[0-9]+ \(.*\) \S (-?[0-9]{1,9}) ", re.DOTALL)


@dataclass(frozen=True)
class Leaf:
    """A path of the host, with metadata and content."""

    path: str
    """Absolute, without `.` and `..`; bytes that are not UTF-8 are lone surrogates (PEP 383)."""
    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str
    """Of a link."""
    origin: str
    """The item that it was read from, as `FOLDER/FILE`."""
    content: Member | bytes | None

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in pieces, holes as zeros; a truncated item yields less than the stated size."""
        if isinstance(self.content, Member):
            yield from self.content.chunks(self.content.size, holes=True)
        elif self.content is not None:
            yield self.content


def leaf(member: Member, path: str, origin: str, content: Member | None) -> Leaf:
    """Return the leaf of a file or link in an archive item; `path`: on the host."""
    return Leaf(
        path=path,
        kind="link" if member.kind == "link" else "file",
        mode=member.mode,
        uid=member.uid,
        gid=member.gid,
        mtime=member.mtime,
        target=member.target if member.kind == "link" else "",
        origin=origin,
        content=content,
    )


@dataclass(frozen=True)
class LeftOut:
    """A path missing from the tree, with the reason."""

    path: str
    origin: str
    reason: str


def tree(all_collected: Sequence[CollectionReader]) -> Iterator[Leaf | LeftOut]:
    """Yield every path once, first occurrence first, then the items without files.

    No path leads through a link, so unpacking a tree stays inside the destination.
    """
    above = Directories()
    for collected in all_collected:
        for _, member in _members(collected):
            if member.kind in {"file", "link"} and _can_be(member.name):
                above.add_above(member.name)
    seen: set[int] = set()
    holes = 0
    for leaf in _leaves(all_collected):
        if isinstance(leaf, LeftOut):
            yield leaf
            continue
        if hash(leaf.path) in seen:
            continue
        holed = max(leaf.content.holes, 0) if isinstance(leaf.content, Member) else 0
        reason = _unfit(leaf, above)
        if not reason and holes + holed > MOST_HOLES:
            reason = tr("{holed} bytes of holes", holed=holed)
        if not reason and len(seen) >= MOST:
            reason = tr("too many paths")
        if reason:
            yield LeftOut(leaf.path, leaf.origin, reason)
        else:
            holes += holed
            seen.add(hash(leaf.path))
            yield leaf


class Directories:
    """A set of directories, stored as hashes of constant size, with a limit on the total length of names."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        """Begin with the root directory; `most` is the limit on added names, in bytes."""
        self._known = {hash("")}
        self._room = most

    def __contains__(self, path: str) -> bool:
        return hash(path) in self._known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Directories) and other._known == self._known

    def __hash__(self) -> int:
        return id(self)

    def add(self, path: str) -> bool:
        """Add a directory; False without room."""
        if path not in self:
            self._room -= len(path)
            if self._room < 0:
                return False
            self._known.add(hash(path))
        return True

    def add_above(self, path: str) -> bool:
        """Add all parent directories of a path, or no directory at all; False without room.

        After a refusal no room is left, so a refused path never becomes a parent by accident.
        """
        new = list(takewhile(lambda above: above not in self, parents(path)))
        if sum(map(len, new)) > self._room:
            self._room = 0
            return False
        for above in new:
            self.add(above)
        return True

    def has_above(self, path: str) -> bool:
        """Return True if all parent directories of a path are in the set: parents are always added together."""
        return path[: path.rfind("/")] in self


def _can_be(path: str) -> bool:
    """Return True for a path possible on a host and within the maximum depth."""
    parts = path.split("/")[1:]
    return not _is_long(path) and "\0" not in path and not {"", ".", ".."} & set(parts) and len(parts) <= DEEPEST


def _is_long(path: str) -> bool:
    return len(path.encode("utf-8", "surrogateescape")) > LONGEST_PATH


def _unfit(leaf: Leaf, above: Directories) -> str:
    if not _can_be(leaf.path) or "\0" in leaf.target or _is_long(leaf.target):
        return tr(
            "no path that a host can have, or one that is more than {deepest} directories deep", deepest=DEEPEST
        )
    if max(leaf.uid, leaf.gid) >= 1 << 32:
        return tr("no owner that a host can have")
    if leaf.path in above:
        return tr("a {kind}, and other paths lead through it", kind=leaf.kind)
    if not above.has_above(leaf.path) and not above.add_above(leaf.path):
        return tr("too many directories")
    return ""


def _leaves(all_collected: Sequence[CollectionReader]) -> Iterator[Leaf | LeftOut]:
    for collected in all_collected:
        yield from _shown(collected)
        yield from _deleted(collected)
    for collected in all_collected:
        for origin, member in _members(collected):
            if member.kind in {"file", "link"}:
                yield leaf(member, member.name, origin, member if member.kind == "file" else None)


def _members(collected: CollectionReader) -> Iterator[tuple[str, Member]]:
    """Yield files and links of all archives, except /proc: processes are handled separately."""
    for item in collected.manifest.items:
        if item.file and item.file.endswith(".tar"):
            for member in collected.members(item.id):
                if not member.name.startswith("/proc/"):
                    yield f"{collected.manifest.host}/{collected.folder.name}/{item.file}", member


def _deleted(collected: CollectionReader) -> Iterator[Leaf | LeftOut]:
    """Yield deleted programs and deleted open files, under processes with complete ancestry."""
    whole = _whole_processes(collected.lines("processes"))
    for name, pattern in _GONE.items():
        item = collected.item(name)
        for member in collected.members(name):
            found = pattern.fullmatch(member.name)
            if not found or member.kind != "file" or item is None:
                continue
            origin = f"{collected.manifest.host}/{collected.folder.name}/{item.file}"
            # Readers of /proc/PID/fd expect links there.
            path = f"/proc/{found[1]}/{found[2] if found[2] == 'exe' else f'deleted/{found[2]}'}"
            if parse_int(found[1], _PID_DIGITS) in whole:
                owner = (member.uid, member.gid, member.mtime)
                yield Leaf(path, "file", member.mode, *owner, "", origin, member)
            else:
                yield LeftOut(path, origin, tr("its process is not among those that are whole"))


def _shown(collected: CollectionReader) -> Iterator[Leaf | LeftOut]:
    """Yield files from text items, mostly of /proc; only processes with complete ancestry."""
    whole = _whole_processes(collected.lines("processes"))
    for name in (*_SHOWN, *_STRINGS):
        item = collected.item(name)
        if item is None or item.file is None:
            continue
        ended = parse_moment(item.ended)
        mtime = int(ended.timestamp()) if ended else 0
        matches = (match for _, text in collected.lines(name) if (match := _LINE.fullmatch(text)))
        for path, lines in groupby(matches, key=lambda match: match[1]):
            process = _PID.match(path)
            if process and parse_int(process[1], _PID_DIGITS) not in whole:
                continue
            texts = (match[2] for match in lines)
            content = _joined(_strings(texts) if name in _STRINGS else _lines(texts))
            origin = f"{collected.manifest.host}/{collected.folder.name}/{item.file}"
            if content is None:
                yield LeftOut(path, origin, tr("longer than {most_shown} bytes", most_shown=MOST_SHOWN))
            else:
                yield Leaf(path, "file", 0o444, 0, 0, mtime, "", origin, content)


def _whole_processes(lines: Iterable[Line]) -> set[int]:
    """Return the processes with complete ancestry, up to a process without parent."""
    parents: dict[int, int] = {}
    for _, text in lines:
        if len(parents) < MOST and (match := _STAT.match(text)):
            pid, parent = parse_int(match[1], _PID_DIGITS), parse_int(match[2], _PID_DIGITS, signed=True)
            if pid is not None and parent is not None:
                parents[pid] = parent
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    lost = [pid for pid, parent in parents.items() if parent not in {0, -1} and parent not in parents]
    while lost:
        pid = lost.pop()
        del parents[pid]
        lost += children.get(pid, ())
    return set(parents)


def _joined(parts: Iterator[bytes]) -> bytes | None:
    """Join the lines of a file; None above MOST_SHOWN bytes."""
    content = bytearray()
    for part in parts:
        if len(content) <= MOST_SHOWN:
            content += part
    return bytes(content) if len(content) <= MOST_SHOWN else None


def _lines(texts: Iterable[str]) -> Iterator[bytes]:
    return (text.encode("utf-8", "surrogateescape") + b"\n" for text in texts)


def _strings(texts: Iterable[str]) -> Iterator[bytes]:
    """Reverse the encoding by `strings`: NUL after each string, newlines for vertical tabs."""
    return (text.replace("\v", "\n").encode("utf-8", "surrogateescape") + b"\0" for text in texts)


def parents(path: str) -> Iterator[str]:
    """Give the directories above a path, the nearest first, without the root."""
    at = path.rfind("/")
    while at > 0:
        yield path[:at]
        at = path.rfind("/", 0, at)
