"""The files of a collection, wherever they lie: in a folder, or in an archive that nobody unpacks."""

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
from stopgap.orchestrator.hosttext import escape

_CHUNK = 1 << 20


class FileProblem(Error):  # noqa: N818
    """A file that is missing or cannot be read; the message says which of both."""


class Files(Protocol):
    """Files by name. Nothing in them is believed, and no link is followed."""

    def names(self) -> list[str]:
        """Give all names, sorted."""

    def size(self, name: str) -> int:
        """Give a file's bytes; raises FileProblem."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give its content in pieces; raises FileProblem."""


@dataclass(frozen=True)
class FolderFiles:
    """Those of a folder on disk."""

    folder: Path

    def names(self) -> list[str]:
        """Give all names, sorted, those of links and folders too."""
        try:
            return sorted(path.name for path in self.folder.iterdir())
        except OSError:
            return []

    def size(self, name: str) -> int:
        """Give a file's bytes; raises FileProblem for what is no ordinary file."""
        descriptor = self._open(name)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give its content in pieces; raises FileProblem for what is no ordinary file."""
        with os.fdopen(self._open(name), "rb", buffering=0) as stream:
            try:
                while piece := stream.read(_CHUNK):
                    yield piece
            except OSError as error:
                raise FileProblem(f"cannot be read: {error.strerror}") from None

    def _open(self, name: str) -> int:
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FileProblem("missing") from None
        except OSError as error:
            raise FileProblem(f"cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileProblem("no ordinary file")
        return descriptor


@dataclass(frozen=True)
class ArchivedFiles:
    """Those of one folder in an archive, by the last part of their names."""

    members: dict[str, Member]

    def names(self) -> list[str]:
        """Give all names, sorted."""
        return sorted(self.members)

    def size(self, name: str) -> int:
        """Give a file's bytes, as its header has them; raises FileProblem."""
        return self._member(name).size

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give its content in pieces; raises FileProblem."""
        member = self._member(name)
        return member.chunks(member.size, holes=True)

    def _member(self, name: str) -> Member:
        if name not in self.members:
            raise FileProblem("missing")
        if self.members[name].kind != "file":
            raise FileProblem("no ordinary file")
        return self.members[name]


def read(files: Files, name: str, cap: int) -> bytes | None:
    """Give a file's content, `cap` bytes at most; None where there is none that can be read."""
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
    """Say how a file differs from what it should be; nothing where it does not."""
    try:
        found = files.size(name)
        if found != size:
            return f"changed: {found} bytes, {size} were collected"
        digest = hashlib.sha256()
        for piece in files.chunks(name):
            digest.update(piece)
    except FileProblem as problem:
        return escape(str(problem))
    return "" if digest.hexdigest() == sha256 else "changed: its SHA-256 is another"
