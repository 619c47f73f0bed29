"""What came of one host as the host had it: files by path, put together from all items that hold any.

Files come from items that are archives. Those of /proc, and a few more, come from items that show them line by line
(`/proc/1/stat:…`) or string by string. Programs and open files whose names are gone lie with their processes. Nothing
is written anywhere by the names that a host gave.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal, TypeAlias

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.shelf import Line, Shelf

Kind: TypeAlias = Literal["file", "link"]
MOST = 500_000
"""Paths of one host; more are left out."""
MOST_HOLES = 1 << 30
"""Bytes of holes in all files together, for whoever opens the tree reads them all; files beyond are left out."""
LONGEST_PATH = 4096
"""Of a path, and of a link's target (limits.h, PATH_MAX)."""
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
    """One path of the host."""

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
        """Give the content in pieces, holes as zeros; less than was said where the item was cut."""
        if isinstance(self.content, Member):
            yield from self.content.chunks(self.content.size, holes=True)
        elif self.content is not None:
            yield self.content


@dataclass(frozen=True)
class LeftOut:
    """A path that is not in the tree, and why."""

    path: str
    origin: str
    reason: str


def tree(shelves: Sequence[Shelf]) -> Iterator[Leaf | LeftOut]:
    """Give every path once, as it was read first, behind the items that hold none of them.

    No path leads through a link, so that whoever unpacks a tree stays inside it.
    """
    above: set[str] = set()
    for shelf in shelves:
        for _, member in _members(shelf):
            if member.kind in {"file", "link"} and len(above) < MOST:
                above.update(parents(member.name))
    seen: set[str] = set()
    holes = 0
    for leaf in _leaves(shelves):
        if isinstance(leaf, LeftOut):
            yield leaf
            continue
        if leaf.path in seen:
            continue
        holed = max(leaf.content.holes, 0) if isinstance(leaf.content, Member) else 0
        reason = _unfit(leaf, above)
        if not reason and holes + holed > MOST_HOLES:
            reason = f"{holed} bytes of holes"
        if not reason and len(seen) >= MOST:
            reason = "too many paths"
        if reason:
            yield LeftOut(leaf.path, leaf.origin, reason)
        else:
            holes += holed
            seen.add(leaf.path)
            yield leaf


def _unfit(leaf: Leaf, above: set[str]) -> str:
    parts = leaf.path.split("/")[1:]
    if {"", ".", ".."} & set(parts) or any(
        "\0" in text or len(text) > LONGEST_PATH for text in (leaf.path, leaf.target)
    ):
        return "no path that a host can have"
    if max(leaf.uid, leaf.gid) >= 1 << 32:
        return "no owner that a host can have"
    if leaf.path in above:
        return f"a {leaf.kind}, and other paths lead through it"
    return ""


def _leaves(shelves: Sequence[Shelf]) -> Iterator[Leaf | LeftOut]:
    for shelf in shelves:
        yield from _shown(shelf)
        yield from _deleted(shelf)
    for shelf in shelves:
        for origin, member in _members(shelf):
            if member.kind in {"file", "link"}:
                yield Leaf(
                    path=member.name,
                    kind="link" if member.kind == "link" else "file",
                    mode=member.mode,
                    uid=member.uid,
                    gid=member.gid,
                    mtime=member.mtime,
                    target=member.target if member.kind == "link" else "",
                    origin=origin,
                    content=member if member.kind == "file" else None,
                )


def _members(shelf: Shelf) -> Iterator[tuple[str, Member]]:
    """Give the files and links of all archives; below /proc lie processes alone, which are told otherwise."""
    for item in shelf.manifest.items:
        if item.file and item.file.endswith(".tar"):
            for member in shelf.members(item.id):
                if not member.name.startswith("/proc/"):
                    yield f"{shelf.manifest.host}/{shelf.folder.name}/{item.file}", member


def _deleted(shelf: Shelf) -> Iterator[Leaf | LeftOut]:
    """Give programs and open files that have no name any more, with their processes, as far as those are there."""
    whole = _whole_processes(shelf.lines("processes"))
    for name, pattern in _GONE.items():
        item = shelf.item(name)
        for member in shelf.members(name):
            found = pattern.fullmatch(member.name)
            if not found or member.kind != "file" or item is None:
                continue
            origin = f"{shelf.manifest.host}/{shelf.folder.name}/{item.file}"
            # What reads /proc/PID/fd takes each entry there for a link.
            path = f"/proc/{found[1]}/{found[2] if found[2] == 'exe' else f'deleted/{found[2]}'}"
            if int(found[1]) in whole:
                owner = (member.uid, member.gid, member.mtime)
                yield Leaf(path, "file", member.mode, *owner, "", origin, member)
            else:
                yield LeftOut(path, origin, "its process is not among those that are whole")


def _shown(shelf: Shelf) -> Iterator[Leaf]:
    """Give what was shown line by line, most of it from /proc; of processes, those whose parents are all known."""
    whole = _whole_processes(shelf.lines("processes"))
    for name in (*_SHOWN, *_STRINGS):
        item = shelf.item(name)
        if item is None or item.file is None:
            continue
        ended = int(datetime.fromisoformat(item.ended).timestamp())
        matches = (match for _, text in shelf.lines(name) if (match := _LINE.fullmatch(text)))
        for path, lines in groupby(matches, key=lambda match: match[1]):
            process = _PID.match(path)
            if process and int(process[1]) not in whole:
                continue
            texts = (match[2] for match in lines)
            content = _strings(texts) if name in _STRINGS else _lines(texts)
            origin = f"{shelf.manifest.host}/{shelf.folder.name}/{item.file}"
            yield Leaf(path, "file", 0o444, 0, 0, ended, "", origin, content)


def _whole_processes(lines: Iterable[Line]) -> set[int]:
    parents: dict[int, int] = {}
    for _, text in lines:
        if len(parents) < MOST and (match := _STAT.match(text)):
            parents[int(match[1])] = int(match[2])
    while lost := {pid for pid, parent in parents.items() if parent not in {0, -1} and parent not in parents}:
        for pid in lost:
            del parents[pid]
    return set(parents)


def _lines(texts: Iterable[str]) -> bytes:
    return b"".join(text.encode("utf-8", "surrogateescape") + b"\n" for text in texts)


def _strings(texts: Iterable[str]) -> bytes:
    """Undo what `strings` did to them: NUL behind each, newlines instead of vertical tabs."""
    return b"".join(text.replace("\v", "\n").encode("utf-8", "surrogateescape") + b"\0" for text in texts)


def parents(path: str) -> Iterator[str]:
    """Give the directories above a path, the nearest first, without the root."""
    at = path.rfind("/")
    while at > 0:
        yield path[:at]
        at = path.rfind("/", 0, at)
