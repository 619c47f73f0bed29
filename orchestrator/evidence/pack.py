"""Export of a host's collections as a tar archive: original files, and a file tree for other tools.

- `stopgap/HOST/STEP/…`: manifest, signature, custody log, findings and items, byte for byte.
- `[root]/…`: the host's files by path, with timestamps, in the layout of dissect.target.
- `stopgap/root.jsonl`: a line for each entry below [root]: type, SHA-256 and source item.
- `stopgap/archive.json`: digests of manifests, custody logs and root.jsonl; signature in `archive.json.sig`,
  time-stamp in `archive.json.tsr`.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stopgap.orchestrator import __version__
from stopgap.orchestrator.evidence.archive import LONGEST_PATH
from stopgap.orchestrator.evidence.files import FileProblem, FolderFiles
from stopgap.orchestrator.evidence.manifest import CUSTODY, MANIFEST, Sha256
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.evidence.timestamp import stamp
from stopgap.orchestrator.evidence.tree import MOST_NAMES, Directories, Leaf, LeftOut, parents, tree
from stopgap.orchestrator.hostnumber import parse_moment
from stopgap.orchestrator.journal.chain import canonical
from stopgap.orchestrator.signature import sign
from stopgap.orchestrator.text import tr

OURS = "stopgap"
ROOT = "[root]"
LIST = "archive.json"
ENTRIES = "root.jsonl"
ALWAYS = ("/etc", "/run", "/var")
"""Directories that every tree has: by them dissect.target knows a Linux host."""


class ArchivedCollection(BaseModel):
    """A collection in an archive."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    folder: Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]
    """`HOST/STEP`."""
    manifest_sha256: Sha256
    custody_sha256: Sha256


class ArchiveList(BaseModel):
    """The list of an exported archive, signed and time-stamped."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    format: Literal["stopgap-archive"] = "stopgap-archive"
    version: Literal[1] = 1
    stopgap: str
    run: str
    host: str
    operator: str
    exported: str
    collections: tuple[ArchivedCollection, ...]
    entries: int
    entries_sha256: Sha256
    """Of root.jsonl."""
    left_out: int
    """How many paths are in items, and not below [root]; root.jsonl names them with the reason."""

    def canonical(self) -> bytes:
        """Return the canonical bytes, as written, hashed and signed."""
        return (canonical(self.model_dump(mode="json")) + "\n").encode("ascii")


@dataclass(frozen=True)
class Packed:
    """Result of an export: the list, and the digest of the list."""

    list: ArchiveList
    sha256: str
    """Of archive.json, which vouches for all of it."""


def pack(
    all_collected: Sequence[CollectionReader],
    stream: IO[bytes],
    operator: str,
    key: Path | None = None,
    authority: str | None = None,
) -> Packed:
    """Write an archive of a host's collections; `key` signs the list, `authority` (URL) time-stamps the list.

    Raises OSError, FileProblem for an incomplete collection, SignatureError, TimestampError.
    """
    now = datetime.now(UTC)
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        collections = tuple(_add_collection(archive, collected) for collected in all_collected)
        with TemporaryFile("w+b") as lines:
            entries, left_out = _add_tree(archive, all_collected, lines, now)
            digest, size = hashlib.sha256(), lines.tell()
            lines.seek(0)
            while piece := lines.read(1 << 20):
                digest.update(piece)
            lines.seek(0)
            archive.addfile(_ours(f"{OURS}/{ENTRIES}", size, now), lines)
        listed = ArchiveList(
            stopgap=__version__,
            run=all_collected[0].manifest.run,
            host=all_collected[0].manifest.target,
            operator=operator,
            exported=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            collections=collections,
            entries=entries,
            entries_sha256=digest.hexdigest(),
            left_out=left_out,
        )
        content = listed.canonical()
        _add_bytes(archive, f"{OURS}/{LIST}", content, now)
        if key is not None:
            _add_bytes(archive, f"{OURS}/{LIST}.sig", sign(content, key), now)
        if authority is not None:
            _add_bytes(archive, f"{OURS}/{LIST}.tsr", stamp(content, authority), now)
    return Packed(listed, hashlib.sha256(content).hexdigest())


def entry_line(leaf: Leaf, size: int, sha256: str | None) -> str:
    """Give the line of root.jsonl for an entry."""
    fields = {
        "path": leaf.path,
        "kind": leaf.kind,
        "mode": leaf.mode,
        "uid": leaf.uid,
        "gid": leaf.gid,
        "mtime": leaf.mtime,
        "target": leaf.target,
        "bytes": size,
        "sha256": sha256,
        "item": leaf.origin,
    }
    return canonical(fields)


def _add_collection(archive: tarfile.TarFile, collected: CollectionReader) -> ArchivedCollection:
    folder = f"{collected.manifest.host}/{collected.folder.name}"
    files, digests = FolderFiles(collected.folder), {}
    for name in files.names():
        digest = hashlib.sha256()
        ended = parse_moment(collected.manifest.ended) or datetime.fromtimestamp(0, UTC)
        size = files.size(name)
        with _Reader(files.chunks(name), digest) as reader:
            archive.addfile(_ours(f"{OURS}/{folder}/{name}", size, ended), reader)
        digests[name] = digest.hexdigest()
    for name in (MANIFEST, CUSTODY):
        if name not in digests:
            raise FileProblem(tr("{folder}: missing", folder=collected.folder / name))
    return ArchivedCollection(folder=folder, manifest_sha256=digests[MANIFEST], custody_sha256=digests[CUSTODY])


def _add_tree(
    archive: tarfile.TarFile, all_collected: Sequence[CollectionReader], lines: IO[bytes], now: datetime
) -> tuple[int, int]:
    """Add all entries with parent directories; return the numbers of added and of skipped entries."""
    made = Directories(2 * MOST_NAMES)
    entries = left_out = 0
    for directory in ALWAYS:
        _add_directories(archive, directory + "/", made, now)
    for leaf in tree(all_collected):
        if isinstance(leaf, LeftOut):
            left_out += 1
            line = canonical({"left_out": leaf.path[:LONGEST_PATH], "item": leaf.origin, "because": leaf.reason})
        else:
            _add_directories(archive, leaf.path, made, now)
            line = _add_leaf(archive, leaf)
            entries += 1
        lines.write(line.encode("ascii") + b"\n")
    return entries, left_out


def _add_directories(archive: tarfile.TarFile, path: str, made: Directories, now: datetime) -> None:
    """Add missing parent directories of a path; the tree yields no path without room for the parent directories."""
    for above in reversed(list(takewhile(lambda above: above not in made, parents(path)))):
        if made.add(above):
            info = _ours(ROOT + above, 0, now)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)


def _add_leaf(archive: tarfile.TarFile, leaf: Leaf) -> str:
    info = tarfile.TarInfo(ROOT + leaf.path)
    info.mode, info.uid, info.gid, info.mtime = leaf.mode, leaf.uid, leaf.gid, leaf.mtime
    if leaf.kind == "link":
        info.type, info.linkname = tarfile.SYMTYPE, leaf.target
        archive.addfile(info)
        return entry_line(leaf, 0, None)
    digest = hashlib.sha256()
    for piece in leaf.chunks():
        digest.update(piece)
        info.size += len(piece)
    with _Reader(leaf.chunks()) as reader:
        archive.addfile(info, reader)
    return entry_line(leaf, info.size, digest.hexdigest())


def _ours(name: str, size: int, at: datetime) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(at.timestamp()), 0o600
    return info


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes, now: datetime) -> None:
    archive.addfile(_ours(name, len(content), now), io.BytesIO(content))


class _Reader(io.RawIOBase):
    """A raw file object over pieces of bytes, for tarfile."""

    def __init__(self, pieces: Iterator[bytes], digest: hashlib._Hash | None = None) -> None:
        self._pieces, self._digest = pieces, digest
        self._rest = b""

    def readable(self) -> bool:
        """Return True: the stream is readable."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Give as many bytes as asked for, fewer at the end alone."""
        parts, got = [], 0
        while got < size and (piece := self._rest or next(self._pieces, b"")):
            part, self._rest = piece[: size - got], piece[size - got :]
            got += len(part)
            parts.append(part)
        content = b"".join(parts)
        if self._digest is not None:
            self._digest.update(content)
        return content
