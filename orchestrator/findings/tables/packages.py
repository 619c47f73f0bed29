"""Packaged files compared with the packages' records: by the host's tool, and by hashes of the controller."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal, TypeAlias

from stopgap.orchestrator.evidence.reader import CollectionReader, lines_of
from stopgap.orchestrator.findings.table import MOST_KEYS, Fields, Place, Row, table

FactCache: TypeAlias = Literal["yes", "no", "unknown"]
LARGEST_TOOL = 32 << 20
"""Bytes of a tool that are hashed."""
_MERGED = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/")
_DIGEST = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})  ?(\S.*)", re.DOTALL)
_NAMED = "named  /"
_PROGRAMS = re.compile(r"^(?:/usr)?/(?:bin|sbin|lib|lib64|libexec)/")


class Digests:
    """Digests recorded by packages, by path; `/usr/bin` and `/bin` count as the same (file-hierarchy(7))."""

    def __init__(self, collected: CollectionReader) -> None:
        """Read the digests; beyond MOST_KEYS, digests are dropped, and no file counts as unpackaged.

        On a host with rpm only what lies among the packages' own programs and libraries can count as unpackaged: what
        packages make when they are installed is in no record of rpm's.
        """
        self._of: dict[int, bytes] = {}
        self._known = collected.known
        self._contents: set[bytes] | None = None
        self._whole = True
        self._of_rpm = False
        self._md5_alone = True
        for _, text in collected.lines("package-digests"):
            digest, path = _recorded(text)
            if not path:
                continue
            if len(self._of) >= MOST_KEYS:
                collected.meter.leave_out(f"package-digests: more than {MOST_KEYS} files")
                self._whole = False
                break
            self._of_rpm = self._of_rpm or not digest
            self._md5_alone = self._md5_alone and len(digest) in {0, 32}
            self._of[_key("/" + path.removeprefix("./").removeprefix("/"))] = bytes.fromhex(digest)
        item = collected.item("package-digests")
        self._whole = self._whole and bool(self._of) and item is not None and not item.truncated
        self._whole = self._whole and (self._md5_alone or self._of_rpm)

    def knows(self, path: str) -> FactCache:
        """Return `yes` if a package owns the file, `no` if not; `unknown` for a missing or incomplete record."""
        if _key(path) in self._of:
            return "yes"
        return "no" if self._whole and (not self._of_rpm or _PROGRAMS.match(path)) else "unknown"

    def known(self, digest: str) -> bool:
        """Tell whether an operator knows a file of this content, by its MD5 or SHA-256."""
        return bytes.fromhex(digest) in self._known

    def brought(self, digest: str) -> bool:
        """Tell whether a package brought a file of this content, or an operator knows it, by its MD5 or SHA-256."""
        if self._contents is None:
            self._contents = set(self._of.values())
        content = bytes.fromhex(digest)
        return content in self._contents or content in self._known

    def digest(self, path: str) -> str:
        """Return the MD5 or SHA-256 recorded by the package; empty without a record."""
        return self._of.get(_key(path), b"").hex()


def digests_of(collected: CollectionReader) -> Digests:
    """Return the digests of a collection, read once for all its tables."""
    return collected.once("package-digests", Digests)


def _recorded(text: str) -> tuple[str, str]:
    """Return the digest and the path of a line; no digest for what rpm only names, no path for another line."""
    if text.startswith(_NAMED):
        return "", text.removeprefix("named  ")
    match = _DIGEST.fullmatch(text)
    return (match[1], match[2]) if match else ("", "")


def _key(path: str) -> int:
    """Return the hash of a path: constant size for any length of path."""
    return hash(path.removeprefix("/usr") if path.startswith(_MERGED) else path)


@table(
    "verification",
    reads="package-verification",
    fields={
        "path": "the file",
        "flags": "the tool's letters; `5` is another content",
        "content": "its content is another",
        "missing": "it is not there",
        "configuration": "its package lets administrators change it",
    },
)
def verification(collected: CollectionReader) -> Iterator[Row]:
    """Packaged files changed since installation, by the host's own tool."""
    for number, text in collected.lines("package-verification"):
        match = re.fullmatch(r"(missing|[SM5DLUGTPC?.]{8,9})\s+(?:([a-z])\s)?\s*(/.*)", text, re.DOTALL)
        if match:
            path = match[3].removesuffix(" (Permission denied)")
            row: Fields = {"path": path, "flags": match[1], "content": "5" in match[1]}
            row |= {"missing": match[1] == "missing", "configuration": match[2] == "c"}
            yield Row(row, Place("package-verification", number))


@table(
    "tools",
    reads="system-tools",
    also="package-digests",
    fields={
        "path": "the file",
        "md5": "of its content, computed here",
        "sha256": "the same",
        "packaged": "a package brought it, or `unknown`",
        "altered": "its package brought another content",
        "script": "it is a script; `#!` and what runs it",
        "mode": "permissions, in octal",
        "size": "bytes",
    },
)
def tools(collected: CollectionReader) -> Iterator[Row]:
    """Programs used to inspect and to enter a host, hashed by the controller."""
    digests = digests_of(collected)
    for member in collected.members("system-tools"):
        if member.kind != "file" or member.size > LARGEST_TOOL:
            continue
        md5, sha256, head, held = hashlib.md5(usedforsecurity=False), hashlib.sha256(), b"", 0
        for chunk in member.chunks(LARGEST_TOOL, holes=True):
            head = head or chunk[:128]
            held += len(chunk)
            md5.update(chunk)
            sha256.update(chunk)
        if held != member.size:  # truncated: a hash of the content would be meaningless
            continue
        wanted = digests.digest(member.name)
        first = head.partition(b"\n")[0].decode("utf-8", "surrogateescape")
        row: Fields = {
            "path": member.name,
            "md5": md5.hexdigest(),
            "sha256": sha256.hexdigest(),
            "packaged": digests.knows(member.name),
            "altered": bool(wanted) and wanted not in {md5.hexdigest(), sha256.hexdigest()},
            "script": first if first.startswith("#!") else "",
            "mode": f"{member.mode:o}",
            "size": member.size,
        }
        yield Row(row, Place("system-tools", member=member.name, offset=member.offset))


@table(
    "boot-programs",
    reads="boot-hashes package-digests",
    fields={"path": "the file", "sha256": "of its content", "altered": "its package brought another content"},
)
def boot_programs(collected: CollectionReader) -> Iterator[Row]:
    """Kernels, initial RAM disks and boot programs, hashed on the host."""
    digests = digests_of(collected)
    for number, text in collected.lines("boot-hashes"):
        match = re.fullmatch(r"([0-9a-f]{32}) ([0-9a-f]{64}) (/.*)", text, re.DOTALL)
        if match:
            wanted = digests.digest(match[3])
            row: Fields = {"path": match[3], "sha256": match[2]}
            row |= {"altered": bool(wanted) and wanted not in {match[1], match[2]}}
            yield Row(row, Place("boot-hashes", number))


_MOST_DIVERTED = 10_000


@table(
    "diversions",
    reads="maintainer-scripts",
    fields={
        "path": "the file that packages bring",
        "target": "where dpkg puts it",
        "program": "a program or a library",
    },
)
def diversions(collected: CollectionReader) -> Iterator[Row]:
    """Files that dpkg puts elsewhere at an administrator's word, for no package (dpkg-divert(1), --local)."""
    for member in collected.members("maintainer-scripts"):
        if member.name != "/var/lib/dpkg/diversions" or member.kind != "file":
            continue
        lines = list(islice(lines_of(member.chunks(4 << 20), member.meter, member.name), 3 * _MOST_DIVERTED))
        for (number, path), (_, target), (_, package) in zip(lines[::3], lines[1::3], lines[2::3], strict=False):
            if package == ":" and path.startswith("/"):
                row: Fields = {"path": path, "target": target}
                row |= {"program": bool(_PROGRAMS.match(path))}
                yield Row(row, Place("maintainer-scripts", number, member.name))
