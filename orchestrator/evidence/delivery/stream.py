"""The stream of a delivery: what is written goes to the store in pieces, and its checksum is taken on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.text import tr


class DeliveryError(Error):
    """A file did not arrive whole at the store; the message says what is left there."""


class MissingError(DeliveryError):
    """A store has no such file."""


@dataclass(frozen=True)
class Delivered:
    """A file that was read back from the store, and was what had been sent."""

    url: str
    bytes: int
    sha256: str


class Store(Protocol):
    """A new file in a store."""

    url: str

    def send(self, piece: bytes) -> None:
        """Append a piece; raises OSError, DeliveryError."""

    def complete(self) -> None:
        """Say that no piece follows."""

    def read_back(self) -> Iterator[bytes]:
        """Yield what the store holds."""

    def keep(self) -> None:
        """Rename the partial file to the final name, unless the file has the final name already."""

    def remove(self) -> None:
        """Remove whatever there is of it; raises OSError or DeliveryError with what stays behind."""


class Delivery:
    """A writable stream to a store."""

    def __init__(self, store: Store, piece: int = 1 << 20) -> None:
        """`piece`: bytes of what is sent at once; the store may gather more."""
        self._store = store
        self._piece = piece
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all bytes. Raises OSError, DeliveryError."""
        self._hash.update(data)
        self._size += len(data)
        self._waiting += data
        while len(self._waiting) >= self._piece:
            self._store.send(bytes(self._waiting[: self._piece]))
            del self._waiting[: self._piece]
        return len(data)

    def flush(self) -> None:
        """Do nothing: pieces go when they are whole."""

    def finish(self) -> Delivered:
        """Send the rest, read all of it back, and give the file its name. Raises OSError, DeliveryError."""
        if self._waiting:
            self._store.send(bytes(self._waiting))
            self._waiting.clear()
        self._store.complete()
        found, size = hashlib.sha256(), 0
        for piece in self._store.read_back():
            found.update(piece)
            size += len(piece)
        if (size, found.digest()) != (self._size, self._hash.digest()):
            raise DeliveryError(
                tr("{url}: {size} bytes were sent, and {found} others came back", url=self._store.url,
                   size=self._size, found=size)
            )  # fmt: skip
        self._store.keep()
        return Delivered(self._store.url, size, found.hexdigest())


@contextmanager
def delivering(store: Store) -> Iterator[Delivery]:
    """Yield a stream to a store; what was begun and not finished is removed there. Raises DeliveryError, OSError."""
    try:
        yield Delivery(store)
    except BaseException as error:
        try:
            store.remove()
        except Error as left:
            raise DeliveryError(
                tr("{error}; what was sent is still there: {left}", error=str(error), left=str(left))
            ) from None
        raise
