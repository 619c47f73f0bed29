"""Places for evidence: a prefix of S3, a folder of this machine, or a folder of a server with SFTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, unquote, urlsplit

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.delivery.destination import S3Prefix, destination
from stopgap.orchestrator.evidence.delivery.folder import FolderStore, read_file
from stopgap.orchestrator.evidence.delivery.s3 import S3Store, client, object_of, remove_parts, told
from stopgap.orchestrator.evidence.delivery.stream import DeliveryError, MissingError, Store
from stopgap.orchestrator.hosttext import is_plain
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from paramiko import SFTPClient

_SAFE = "/~@[]+=,:"


class Source(Protocol):
    """A folder that evidence is fetched from."""

    @property
    def url(self) -> str:
        """Give the URL of the folder, without `/` at the end."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file in pieces. Raises DeliveryError; MissingError without the file."""


class Place(Source, Protocol):
    """A folder that evidence is stored in."""

    def below(self, path: str) -> Place:
        """Return a folder below this one; `path` is relative, its parts separated by `/`."""

    def new(self, name: str) -> Store:
        """Begin a file. Raises DeliveryError, also for a name that is taken."""

    def tidy(self) -> None:
        """Remove what dead processes have begun here, and nobody sees. Raises DeliveryError."""


@dataclass(frozen=True)
class S3Place:
    """The keys of a bucket that begin with a prefix."""

    bucket: str
    prefix: str
    """Empty, or with `/` at the end."""

    @property
    def url(self) -> str:
        """Give the URL of the prefix."""
        return f"s3://{self.bucket}/{quote(self.prefix, safe=_SAFE)}".rstrip("/")

    def below(self, path: str) -> S3Place:
        """Return a longer prefix."""
        return S3Place(self.bucket, f"{self.prefix}{path}/")

    def new(self, name: str) -> S3Store:
        """Begin an object."""
        return S3Store(S3Prefix(self.bucket, self.prefix), name)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield an object in pieces."""
        url = f"{self.url}/{name}"
        with told(url):
            reading = client()
        return object_of(reading, {"Bucket": self.bucket, "Key": f"{self.prefix}{name}"}, url)

    def tidy(self) -> None:
        """Remove the parts of objects that never became whole."""
        with told(self.url):
            removing = client()
        remove_parts(removing, self.bucket, self.prefix, self.url)


@dataclass(frozen=True)
class FolderPlace:
    """A folder of this machine, such as a mounted share."""

    folder: Path

    @property
    def url(self) -> str:
        """Give the URL of the folder."""
        return self.folder.as_uri()

    def below(self, path: str) -> FolderPlace:
        """Return a folder below this one."""
        return FolderPlace(self.folder / path)

    def new(self, name: str) -> FolderStore:
        """Begin a file."""
        return FolderStore(self.folder, name)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file in pieces."""
        return read_file(self.folder / name, f"{self.url}/{name}")

    def tidy(self) -> None:
        """Do nothing: a part is begun anew."""


@dataclass(frozen=True)
class SftpSource:
    """A folder of the machine that collected the evidence."""

    client: SFTPClient
    folder: str
    url: str

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file in pieces."""
        from paramiko import SSHException  # noqa: PLC0415 - imported by the connection

        url = f"{self.url}/{name}"
        try:
            with self.client.open(f"{self.folder}/{name}", "rb") as file:
                file.prefetch(file.stat().st_size, max_concurrent_requests=_AT_ONCE)
                while piece := file.read(1 << 20):
                    yield piece
        except FileNotFoundError:
            raise MissingError(tr("{url}: there is no such file", url=url)) from None
        except (OSError, EOFError, SSHException) as error:
            said = getattr(error, "strerror", None) or str(error) or tr("the connection broke")
            raise DeliveryError(tr("{url}: {said}", url=url, said=said)) from None


_AT_ONCE = 64
"""Requests under way at once; each is of 32 KiB."""


def place_of(text: str, where: str) -> S3Place | FolderPlace:
    """Return the place of a URL. `where`: what it was given as, for messages. Raises UsageError.

    >>> place_of("s3://evidence/noc", "store").below("web/triage").url
    's3://evidence/noc/web/triage'
    >>> place_of("file:///mnt/evidence", "store").url
    'file:///mnt/evidence'
    """
    expected = tr("s3://BUCKET/PREFIX or file:///FOLDER")
    if text.startswith("s3:"):
        found = destination(text, where)
        if isinstance(found, S3Prefix):
            return S3Place(found.bucket, found.prefix)
    elif text.startswith("file:"):
        parts = urlsplit(text)
        path = unquote(parts.path)
        plain = not (parts.query or parts.fragment or ".." in path.split("/")) and is_plain(path)
        if parts.netloc in {"", "localhost"} and path.startswith("/") and path.strip("/") and plain:
            return FolderPlace(Path(path))
    raise UsageError(tr("{where}: expected {expected}", where=where, expected=expected))
