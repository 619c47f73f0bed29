"""Where a file goes: `sftp://[LOGIN@]HOST[:PORT]/FOLDER`, or `s3://BUCKET/PREFIX`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.hosttext import is_plain
from stopgap.orchestrator.text import tr

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


@dataclass(frozen=True)
class SftpFolder:
    """A folder of a server with SFTP."""

    host: str
    """A host of the inventory, an alias of ssh_config(5), or an address."""
    folder: str
    """Absolute, or relative to the account's home."""
    user: str | None = None
    port: int | None = None

    def url(self, name: str) -> str:
        """Return the URL of a file in the folder."""
        at = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        folder = self.folder if self.folder.startswith("/") else f"/~/{self.folder}"
        return f"sftp://{at}{host}{port}{folder.rstrip('/')}/{name}"


@dataclass(frozen=True)
class S3Prefix:
    """The keys of a bucket that begin with a prefix."""

    bucket: str
    prefix: str
    """Empty, or with `/` at the end."""

    def url(self, name: str) -> str:
        """Return the URL of an object with the prefix."""
        return f"s3://{self.bucket}/{self.prefix}{name}"


Destination: TypeAlias = SftpFolder | S3Prefix


def destination(text: str, where: str = "--to") -> Destination:
    """Parse a destination; raises UsageError, also for a password in it. `where`: what it was given as, for messages.

    >>> destination("sftp://keeper@store.example:2222/~/cases")
    SftpFolder(host='store.example', folder='cases', user='keeper', port=2222)
    >>> destination("s3://evidence/2026/web").url("a.tar")
    's3://evidence/2026/web/a.tar'
    """
    expected = tr("sftp://[LOGIN@]HOST[:PORT]/FOLDER or s3://BUCKET/PREFIX")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(tr("{where}: no URL; expected {expected}", where=where, expected=expected)) from None
    if parts.password is not None:
        raise UsageError(
            tr("{where}: a password has no place in a URL; docs/custody.md says how to log in", where=where)
        )
    path = unquote(parts.path)
    if not host or parts.query or parts.fragment or not is_plain(path) or ".." in path.split("/"):
        raise UsageError(tr("{where} {url}: expected {expected}", where=where, url=text, expected=expected))
    if parts.scheme == "sftp":
        folder = path.removeprefix("/~/") if path.startswith("/~/") else path or "/"
        return SftpFolder(host, folder, unquote(parts.username) if parts.username else None, port)
    if parts.scheme == "s3" and parts.username is None and port is None and _BUCKET.fullmatch(parts.netloc):
        prefix = path.strip("/")
        return S3Prefix(parts.netloc, f"{prefix}/" if prefix else "")
    raise UsageError(tr("{where} {url}: expected {expected}", where=where, url=text, expected=expected))
