"""A store by SFTP: the file is `NAME.part` until it was read back, and then takes its name."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from stopgap.orchestrator.evidence.delivery.destination import SftpFolder
from stopgap.orchestrator.evidence.delivery.stream import DeliveryError
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from paramiko import SFTPClient, SFTPFile

_AT_ONCE = 64
"""Requests under way at once when the file is read back; each is of 32 KiB."""


class SftpStore:
    """A new file on a server with SFTP, of mode 0600; a context manager that holds the connection.

    Example::

        with SftpStore(to, "web.tar", connect) as store, delivering(store) as delivery:
            delivery.write(b"...")
            delivery.finish()
    """

    def __init__(self, to: SftpFolder, name: str, connect: Callable[[], AbstractContextManager[SFTPClient]]) -> None:
        """`connect` opens a connection, and a second one to remove what a broken one left."""
        self.url = to.url(name)
        self._folder = to.folder
        self._name = f"{to.folder.rstrip('/')}/{name}"
        self._part = f"{self._name}.part"
        self._connect = connect
        self._open = ExitStack()
        self._begun = False

    def __enter__(self) -> Self:
        """Begin the file. Raises Unreachable; DeliveryError without the folder, and for a name that is taken."""
        self._client = self._open.enter_context(self._connect())
        try:
            with self._told():
                self._begin()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def send(self, piece: bytes) -> None:
        """Append a piece. Raises DeliveryError."""
        with self._told():
            self._file.write(piece)

    def complete(self) -> None:
        """Wait until the server has all. Raises DeliveryError."""
        with self._told():
            self._file.close()

    def read_back(self) -> Iterator[bytes]:
        """Yield what the server holds. Raises DeliveryError."""
        with self._told(), self._client.open(self._part, "rb") as file:
            file.prefetch(file.stat().st_size, max_concurrent_requests=_AT_ONCE)
            while piece := file.read(1 << 20):
                yield piece

    def keep(self) -> None:
        """Give the file its name; one that took it meanwhile is not replaced. Raises DeliveryError."""
        with self._told():
            self._client.rename(self._part, self._name)

    def remove(self) -> None:
        """Remove the part, over a new connection where the first one broke. Raises Error."""
        if not self._begun:
            return
        with self._told():
            try:
                self._client.remove(self._part)
            except _failures():
                with self._connect() as client:
                    client.remove(self._part)

    def _begin(self) -> None:
        if not stat.S_ISDIR(self._client.stat(self._folder).st_mode or 0):
            raise DeliveryError(tr("{url}: {folder} is no folder", url=self.url, folder=self._folder))
        for taken in (self._name, self._part):
            if self._is_there(taken):
                raise DeliveryError(tr("{url}: {path} is there already", url=self.url, path=taken))
        self._file: SFTPFile = self._client.open(self._part, "wx")
        self._begun = True
        self._file.chmod(0o600)
        self._file.set_pipelined(True)

    def _is_there(self, path: str) -> bool:
        try:
            self._client.lstat(path)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except _failures() as error:
            said = getattr(error, "strerror", None) or str(error) or tr("the connection broke")
            raise DeliveryError(tr("{url}: {said}", url=self.url, said=said)) from None


def _failures() -> tuple[type[Exception], ...]:
    from paramiko import SSHException  # noqa: PLC0415 - imported by the connection

    return (OSError, EOFError, SSHException)
