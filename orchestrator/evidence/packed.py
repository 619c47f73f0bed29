"""Verification of an exported archive, without unpacking.

Checks: the list and its signature, every collection as in a folder, and each entry below [root].
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from stopgap.orchestrator.evidence.archive import BLOCK, Member, members_of
from stopgap.orchestrator.evidence.files import ArchivedFiles, read
from stopgap.orchestrator.evidence.manifest import CUSTODY, MANIFEST, MANIFEST_CAP
from stopgap.orchestrator.evidence.pack import ALWAYS, ENTRIES, LIST, OURS, ROOT, ArchiveList, entry_line
from stopgap.orchestrator.evidence.reader import lines_of
from stopgap.orchestrator.evidence.sealing import MAGIC
from stopgap.orchestrator.evidence.signing import signature_problems
from stopgap.orchestrator.evidence.timestamp import stamp_problems
from stopgap.orchestrator.evidence.tree import MOST_NAMES, Directories, leaf
from stopgap.orchestrator.evidence.verify import collection_problems
from stopgap.orchestrator.hostnumber import parse_json
from stopgap.orchestrator.text import tr

_AT_THE_TOP = {LIST, f"{LIST}.sig", f"{LIST}.tsr", ENTRIES}
_MOST_OURS = 10_000
"""Files of a host's collections together."""
_MOST_TOLD = 100
"""Problems that are told; an archive that is wrong all over needs no more."""


def is_archive(path: Path) -> bool:
    """Return True if a file begins like an exported archive."""
    head = _head(path)
    return head.startswith(OURS.encode() + b"/") and head[257:262] == b"ustar"


def is_sealed(path: Path) -> bool:
    """Return True if a file begins like an age-encrypted file."""
    return _head(path).startswith(MAGIC)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(BLOCK)
    except OSError:
        return b""


def verify_archive(path: Path, signers: Path | None = None, authorities: Path | None = None) -> list[str]:
    """Return the problems of an exported archive, at most a hundred, each with a file name.

    With `authorities`, a PEM file of certificates, the archive needs a time-stamp by a listed authority. Raises
    TimestampError if the time-stamp cannot be checked on this machine.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return [tr("{path}: {strerror}", path=path, strerror=error.strerror)]
    try:
        found = _problems(descriptor, signers, authorities)
        return [problem for problem, _ in zip(found, range(_MOST_TOLD), strict=False)]
    except OSError as error:
        return [tr("{path}: {strerror}", path=path, strerror=error.strerror)]
    finally:
        os.close(descriptor)


def _problems(descriptor: int, signers: Path | None, authorities: Path | None) -> Iterator[str]:
    ours: dict[str, dict[str, Member]] = {}
    count = 0
    for member in members_of(descriptor):
        folder, _, name = member.name.removeprefix("/").rpartition("/")
        if member.holes:
            yield tr("{member}: has holes, as no entry of an exported archive has", member=member.name)
            return
        if member.name.startswith(f"/{ROOT}"):
            continue
        count += 1
        if count > _MOST_OURS or not f"{folder}/".startswith(f"{OURS}/"):
            yield tr("{member}: extra; no such file belongs there", member=member.name)
        elif name in ours.setdefault(folder, {}):
            yield tr("{member}: there twice", member=member.name)
        else:
            ours[folder][name] = member
    top = ArchivedFiles(ours.pop(OURS, {}))
    yield from (tr("{name}: extra; no such file belongs there", name=name) for name in {*top.members} - _AT_THE_TOP)
    content = read(top, LIST, MANIFEST_CAP)
    try:
        listed = ArchiveList.model_validate(parse_json(content or b""))
    except ValueError:
        yield tr("{list}: missing or damaged: nothing vouches for the archive as a whole", list=LIST)
        return
    if listed.canonical() != content:
        yield tr("{list}: changed; it is not as Stopgap writes it", list=LIST)
    yield from signature_problems(top, LIST, content or b"", signers)
    yield from stamp_problems(top, LIST, content or b"", authorities)
    for collection in listed.collections:
        files = ArchivedFiles(ours.pop(f"{OURS}/{collection.folder}", {}))
        where = collection.folder
        for name, sha256 in ((MANIFEST, collection.manifest_sha256), (CUSTODY, collection.custody_sha256)):
            if hashlib.sha256(read(files, name, MANIFEST_CAP) or b"").hexdigest() != sha256:
                yield tr(
                    "{where}/{name}: changed or missing; it is not the one that {list} lists",
                    where=where,
                    name=name,
                    list=LIST,
                )
        yield from (f"{where}/{problem}" for problem in collection_problems(files))
    for folder in ours:
        yield tr("{folder}: extra; {list} does not list it", folder=folder, list=LIST)
    yield from _tree_problems(descriptor, top, listed)


def _tree_problems(descriptor: int, top: ArchivedFiles, listed: ArchiveList) -> Iterator[str]:
    """Compare the entries below [root] with root.jsonl, line by line, in the same order."""
    digest = hashlib.sha256()
    if ENTRIES in top.members:
        for piece in top.chunks(ENTRIES):
            digest.update(piece)
    if digest.hexdigest() != listed.entries_sha256:
        yield tr("{entries}: changed or missing; it is not the one that {list} lists", entries=ENTRIES, list=LIST)
        return
    lines = (line.text for line in lines_of(top.chunks(ENTRIES)))
    wanted = (line for line in lines if not line.startswith('{"because":'))
    directories, needed = Directories(2 * MOST_NAMES), Directories(2 * MOST_NAMES)
    for always in ALWAYS:
        needed.add(always)
    for member in members_of(descriptor):
        if not member.name.startswith(f"/{ROOT}"):
            continue
        if member.kind == "directory":
            if not directories.add(member.name.removeprefix(f"/{ROOT}")):
                yield tr("{member}: more directories than an exported archive has", member=member.name)
                return
            continue
        if not needed.add_above(member.name.removeprefix(f"/{ROOT}")):
            yield tr("{member}: more directories above it than an exported archive has", member=member.name)
            return
        line = next(wanted, None)
        if line is None or line != _line_of(member, line):
            yield tr("{member}: changed, or not in its place", member=member.name)
            return
    if next(wanted, None) is not None:
        yield tr("{root}: not all of it is there", root=ROOT)
    elif directories != needed:
        yield tr("{root}: its directories are not those that it needs", root=ROOT)


def _line_of(member: Member, line: str) -> str:
    """Return the expected line of an entry; the source item is taken from `line`."""
    try:
        origin = parse_json(line)["item"]
    except (ValueError, KeyError, TypeError):
        return ""
    sha256, size = None, 0
    if member.kind == "file":
        digest = hashlib.sha256()
        for piece in member.chunks(member.size, holes=True):
            digest.update(piece)
            size += len(piece)
        sha256 = digest.hexdigest()
    found = leaf(member, member.name.removeprefix(f"/{ROOT}"), origin, None)
    return entry_line(found, size, sha256)
