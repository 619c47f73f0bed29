"""A store in a folder of this machine, such as a mounted share: a file is `NAME.part` until it was read back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stopgap.orchestrator.evidence.delivery.stream import DeliveryError, MissingError
from stopgap.orchestrator.journal.home import sync_folder
from stopgap.orchestrator.text import tr

_CHUNK = 1 << 20


class FolderStore:
    """A new file of mode 0600; the part left by a dead process is overwritten."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin the file; folders that are missing are made. Raises DeliveryError, also for a name that is taken."""
        self.url = (folder / name).as_uri()
        self._path, self._part = folder / name, folder / f"{name}.part"
        with told(self.url):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.path.lexists(self._path):
                raise DeliveryError(tr("{url} is there already", url=self.url))
            self._part.unlink(missing_ok=True)
            self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def send(self, piece: bytes) -> None:
        """Append a piece. Raises DeliveryError."""
        rest = memoryview(piece)
        with told(self.url):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def complete(self) -> None:
        """Have the whole on disk, and out of this machine's memory of it. Raises DeliveryError."""
        with told(self.url):
            os.fsync(self._descriptor)
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            self._close()

    def read_back(self) -> Iterator[bytes]:
        """Return what the folder holds, in pieces. Raises DeliveryError."""
        return read_file(self._part, self.url)

    def keep(self) -> None:
        """Rename the part to the file's name; an existing file is not replaced. Raises DeliveryError."""
        with told(self.url):
            os.link(self._part, self._path)
            self._part.unlink()
            sync_folder(self._path.parent)

    def remove(self) -> None:
        """Remove the part. Raises DeliveryError."""
        with told(self.url):
            self._close()
            self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_file(path: Path, url: str) -> Iterator[bytes]:
    """Yield an ordinary file in pieces. Raises DeliveryError; MissingError without the file."""
    with told(url):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            while piece := stream.read(_CHUNK):
                yield piece


@contextmanager
def told(url: str) -> Iterator[None]:
    """Raise an error of the disk as DeliveryError; a missing file as MissingError."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(tr("{url}: {said}", url=url, said=error.strerror)) from None
    except OSError as error:
        raise DeliveryError(tr("{url}: {said}", url=url, said=error.strerror or str(error))) from None
