"""Access to the files of a collection, in a folder or in an archive, without unpacking."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.text import tr

_CHUNK = 1 << 20


class FileProblem(Error):  # noqa: N818
    """A file is missing or unreadable; the message tells the case."""


class Files(Protocol):
    """Files by name. File contents are untrusted, and links are not followed."""

    def names(self) -> list[str]:
        """Give all names, sorted."""

    def size(self, name: str) -> int:
        """Give a file's bytes; raises FileProblem."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content in pieces; raises FileProblem."""


@dataclass(frozen=True)
class FolderFiles:
    """Files of a folder on disk."""

    folder: Path

    def names(self) -> list[str]:
        """Return all names, sorted, links and folders included."""
        try:
            return sorted(path.name for path in self.folder.iterdir())
        except OSError:
            return []

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; raises FileProblem for other than a regular file."""
        descriptor = self._open(name)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content in pieces; raises FileProblem for other than a regular file."""
        with os.fdopen(self._open(name), "rb", buffering=0) as stream:
            try:
                while piece := stream.read(_CHUNK):
                    yield piece
            except OSError as error:
                raise FileProblem(tr("cannot be read: {strerror}", strerror=error.strerror)) from None

    def _open(self, name: str) -> int:
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FileProblem("missing") from None
        except OSError as error:
            raise FileProblem(tr("cannot be read: {strerror}", strerror=error.strerror)) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileProblem(tr("no ordinary file"))
        return descriptor


@dataclass(frozen=True)
class ArchivedFiles:
    """Files of one folder in an archive, by base name."""

    members: dict[str, Member]

    def names(self) -> list[str]:
        """Give all names, sorted."""
        return sorted(self.members)

    def size(self, name: str) -> int:
        """Return the size of a file in bytes, from the header; raises FileProblem."""
        return self._member(name).size

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content in pieces; raises FileProblem."""
        member = self._member(name)
        return member.chunks(member.size, holes=True)

    def _member(self, name: str) -> Member:
        if name not in self.members:
            raise FileProblem("missing")
        if self.members[name].kind != "file":
            raise FileProblem(tr("no ordinary file"))
        return self.members[name]


def read(files: Files, name: str, cap: int) -> bytes | None:
    """Return a file's content, at most `cap` bytes; None if the file is missing or unreadable."""
    content = bytearray()
    try:
        for piece in files.chunks(name):
            content += piece[: cap - len(content)]
            if len(content) >= cap:
                break
    except FileProblem:
        return None
    return bytes(content)


def difference(files: Files, name: str, size: int, sha256: str | None) -> str:
    """Return the difference of a file from the expected size and hash; empty if equal."""
    try:
        found = files.size(name)
        if found != size:
            return tr("changed: {found} bytes, {size} were collected", found=found, size=size)
        digest = hashlib.sha256()
        for piece in files.chunks(name):
            digest.update(piece)
    except FileProblem as problem:
        return str(problem)
    return "" if digest.hexdigest() == sha256 else tr("changed: its SHA-256 is another")
