"""Reader of a host's tar archive: one pass, bounded memory, no extraction.

Formats: ustar, GNU (long names, sparse files) and the paths of pax (POSIX.1-2017, pax; GNU tar manual, "Basic Tar
Format"). Several archives may be concatenated. Damaged parts are skipped block by block, and reported to the meter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from stopgap.orchestrator.evidence.meter import Meter
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.text import tr

BLOCK = 512
_CHUNK = 64 << 10
LONGEST_PATH = 4096
"""Bytes of a path that a host can have (limits.h, PATH_MAX)."""
_LONGEST_NAME = LONGEST_PATH + 64
"""Bytes of a name that are kept: of a longer one more than a host can have, `[root]` before it or not."""
_LONGEST_HEADER = 64 << 10
"""Bytes of a pax header; what lies beyond is not read."""
_SIZE_DIGITS = 18
"""Of a size in a pax header: more bytes than any file system holds."""
MOST_EXTENTS = 21 * 512
"""Of a sparse file; the content of one with more is not read."""

Kind: TypeAlias = Literal["file", "directory", "link", "other"]
_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "other",
    b"2": "link",
    b"5": "directory",
}


@dataclass(frozen=True)
class Member:
    """An entry of an archive; the content is readable while the archive is open."""

    name: str
    """Absolute; bytes that are not UTF-8 are lone surrogates (PEP 383)."""
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes of the file itself, holes included."""
    mtime: int
    target: str
    """Of a link."""
    offset: int
    """Of its header, in the archive."""
    _descriptor: int
    _extents: tuple[tuple[int, int, int], ...]
    """Of its data: offset in the file, offset in the archive, length."""
    meter: Meter = field(repr=False, compare=False)
    """Of the reading that it belongs to."""

    def chunks(self, cap: int = 64 << 20, *, holes: bool = False) -> Iterator[bytes]:
        """Yield the content in pieces of up to 64 kB, at most `cap` bytes; holes as zeros only with `holes`."""
        given = 0
        for position, start, length in (*self._extents, (self.size, 0, 0)):
            if holes:
                while given < min(position, cap):
                    zeros = min(position - given, cap - given, _CHUNK)
                    given += zeros
                    self.meter.read(zeros)
                    yield bytes(zeros)
            at, end = start, start + min(length, cap - given)
            while at < end:
                piece = os.pread(self._descriptor, min(end - at, _CHUNK), at)
                if not piece:
                    return
                at += len(piece)
                given += len(piece)
                self.meter.read(len(piece))
                yield piece
            if end - start < length:
                self.meter.leave_out(tr("{name}: longer than {cap} bytes", name=self.name, cap=cap))
                return

    @property
    def holes(self) -> int:
        """Return the number of bytes in holes: zeros, not stored in the archive."""
        return self.size - sum(length for _, _, length in self._extents)

    def read(self, cap: int) -> bytes:
        """Give the first `cap` bytes of the content, without holes."""
        return b"".join(self.chunks(cap))


def members(path: Path, meter: Meter | None = None, *, of: str = "", whole: bool = True) -> Iterator[Member]:
    """Yield the entries of an archive in order; a file without tar headers yields no entry. Raises OSError.

    `of` names the archive for the meter. `whole` is False for an archive known to be truncated; otherwise an entry
    beyond the end counts as damage.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield from members_of(descriptor, meter, of=of or path.name, whole=whole)
    finally:
        os.close(descriptor)


def members_of(
    descriptor: int, meter: Meter | None = None, *, of: str = "archive", whole: bool = True
) -> Iterator[Member]:
    """Yield the entries of an open archive; keep the descriptor open meanwhile. Raises OSError.

    The meter is told of each block with neither header nor zeros, and of each entry beyond the end of a `whole`
    archive.
    """
    meter = meter or Meter()
    end = os.fstat(descriptor).st_size
    at, name, target, size_given = 0, b"", b"", None
    while at + BLOCK <= end:
        header = os.pread(descriptor, BLOCK, at)
        if len(header) < BLOCK:
            return
        meter.read(BLOCK)
        if not _is_header(header):
            if header.count(0) < BLOCK:
                meter.damage(tr("{of}: blocks that are no header", of=of))
            at += BLOCK
            continue
        kind, size, start = header[156:157], _number(header[124:136]), at + BLOCK
        if not size and header[124:136].strip(b"0 \0") not in {b"", b"\x80"}:
            meter.damage(tr("{of}: a header whose size is no number", of=of))
        if kind in {b"L", b"K", b"x", b"g"}:
            text = os.pread(descriptor, min(size, _LONGEST_HEADER), start)
            meter.read(len(text))
            if kind == b"L":
                name = text.partition(b"\0")[0]
            elif kind == b"K":
                target = text.partition(b"\0")[0]
            elif kind == b"x":
                pax = _pax(text)
                name, target = pax.path or name, pax.target or target
                size_given = parse_int(pax.size, _SIZE_DIGITS)
                if pax.size and size_given is None:
                    meter.damage(tr("{of}: a pax header whose size is no number", of=of))
            at = start + _padded(size)
            if at > end and whole:
                meter.damage(tr("{of}: a header that reaches beyond the end", of=of))
            continue
        size = size if size_given is None else size_given
        extents: tuple[tuple[int, int, int], ...] = ((0, start, size),)
        real = size
        if kind == b"S":
            start, extents, real, complete = _sparse(descriptor, header, start, size)
            if not complete:
                meter.damage(tr("{of}: a sparse file whose parts are not those that it names", of=of))
        elif kind not in {b"0", b"\0", b"7"}:
            size, extents = 0, ()
        yield Member(
            name=_absolute(name or _name(header)),
            kind=_KINDS.get(kind, "other"),
            mode=_number(header[100:108]) & 0o7777,
            uid=_number(header[108:116]),
            gid=_number(header[116:124]),
            size=real,
            mtime=_number(header[136:148]),
            target=_text(target or header[157:257].partition(b"\0")[0]),
            offset=at,
            _descriptor=descriptor,
            _extents=extents,
            meter=meter,
        )
        at = start + _padded(size)
        if start + size > end and whole:
            meter.damage(tr("{of}: an entry that reaches beyond the end", of=of))
        name, target, size_given = b"", b"", None


class _Sparse(NamedTuple):
    """A sparse file: the offset of its data, its extents and its size in bytes.

    `complete` is False if the extents differ from the map in the header or from the bytes stored behind it.
    """

    start: int
    extents: tuple[tuple[int, int, int], ...]
    real: int
    complete: bool


def _sparse(descriptor: int, header: bytes, start: int, stored: int) -> _Sparse:
    """Parse the map of a sparse file in GNU's old format, with `stored` bytes of data."""
    map_ = _extents_in(header[386:482])
    more = header[482:483] == b"\1"
    while more:
        block = os.pread(descriptor, BLOCK, start)
        if len(block) < BLOCK:
            break
        if len(map_) < MOST_EXTENTS:
            map_ += _extents_in(block[:504])
        more = block[504:505] == b"\1"
        start += BLOCK
    extents: list[tuple[int, int, int]] = []
    at, last, real = start, 0, _number(header[483:495])
    for position, claimed in map_:
        length = min(claimed, start + stored - at)
        if length <= 0 or position < last or len(map_) >= MOST_EXTENTS:
            continue
        extents.append((position, at, length))
        at, last = at + length, position + length
    named = [part for part in map_ if part[1]]
    complete = [(position, length) for position, _, length in extents] == named
    complete = complete and at == start + stored and last <= real
    return _Sparse(start, tuple(extents), real, complete)


def _extents_in(field: bytes) -> list[tuple[int, int]]:
    parts = (field[at : at + 24] for at in range(0, len(field), 24))
    return [(_number(part[:12]), _number(part[12:])) for part in parts if part[12:13] != b"\0"]


def _is_header(block: bytes) -> bool:
    if block[0] == 0:
        return False
    total = sum(block) - sum(block[148:156]) + 8 * 0x20
    field = block[148:156].strip(b"\0 ")
    return parse_int(field, 8, base=8) == total


def _number(field: bytes) -> int:
    """Parse octal digits, or a big-endian number after a set high bit (GNU base-256); 0 for other bytes."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        return value if field[0] == 0x80 and value < 1 << 62 else 0
    digits = field.partition(b"\0")[0].strip(b" ")
    # An honest header has up to 12 digits; `int` takes no sign, blank or underscore that `isdigit` lets through.
    if digits.isdigit() and len(digits) <= 12 and b"8" not in digits and b"9" not in digits:
        return int(digits, 8)
    return 0


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _absolute(name: bytes) -> str:
    return "/" + _text(name).removeprefix("./").strip("/")


def _text(name: bytes) -> str:
    return name[:_LONGEST_NAME].decode("utf-8", "surrogateescape")


class _Pax(NamedTuple):
    """Values of a pax header for the next entry; empty if absent."""

    path: bytes = b""
    target: bytes = b""
    size: bytes = b""


def _pax(text: bytes) -> _Pax:
    """Parse the records of a pax header: `LENGTH KEY=VALUE` and a newline; LENGTH counts the whole record."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(text):
        blank = text.find(b" ", at, at + 9)
        length = parse_int(text[at:blank], 8) if blank > at else None
        if length is None or length <= blank - at + 1:
            break
        key, _, value = text[blank + 1 : at + length].removesuffix(b"\n").partition(b"=")
        if key in {b"path", b"linkpath", b"size"}:
            found[key] = value
        at += length
    return _Pax(found.get(b"path", b""), found.get(b"linkpath", b""), found.get(b"size", b""))
