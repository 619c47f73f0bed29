"""Encryption of evidence while writing, to public keys (age-encryption.org/v1).

No clear text reaches a disk. Without a private key, nobody can read the evidence, this machine included.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.files import FileProblem, FolderFiles, difference
from stopgap.orchestrator.evidence.manifest import SEALED
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.text import tr

MAGIC = b"age-encryption.org/v1\n"
"""How every encrypted file begins."""
_KEYS = 64 << 10
"""Bytes of a file with private keys."""


class SealingError(Error):
    """Encryption or decryption failed; the message gives the reason."""


class Writable(Protocol):
    """The output of an encryption."""

    def write(self, data: bytes, /) -> object:
        """Take all bytes; raises OSError."""

    def flush(self) -> object:
        """Flush buffered bytes; raises OSError."""


class Seal:
    """An encrypted file, with size and hash on disk."""

    def __init__(self, descriptor: int, recipients: Sequence[str]) -> None:
        """Encrypt to an open file; the caller closes the descriptor. Raises SealingError."""
        self.size = 0
        """Bytes that were written to the file."""
        self._hash = hashlib.sha256()
        self._descriptor = descriptor
        self._stack = ExitStack()
        self._clear = self._stack.enter_context(sealing(_OnDisk(self._keep), recipients))

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the encrypted file."""
        return self._hash.hexdigest()

    def write(self, data: bytes | memoryview) -> int:
        """Encrypt all bytes of `data`. Raises OSError."""
        self._clear.write(data)
        return len(data)

    def close(self) -> None:
        """Write the rest. Raises SealingError, OSError."""
        self._stack.close()

    def _keep(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = os.write(self._descriptor, rest)
            self._hash.update(rest[:written])
            self.size += written
            rest = rest[written:]


class _OnDisk:
    def __init__(self, keep: Any) -> None:  # noqa: ANN401
        self._keep = keep

    def write(self, data: bytes, /) -> int:
        self._keep(data)
        return len(data)

    def flush(self) -> None:
        return None


@contextmanager
def sealing(stream: Writable, recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """Yield a stream for encryption to `stream`; the output is complete at the end of the `with` block.

    A recipient is `age1…`, or an SSH public key, `ssh-ed25519 AAAA…`. Raises SealingError.
    """
    keys = [recipient(text) for text in recipients]
    reading, writing = os.pipe()
    trouble: list[Exception] = []
    worker = threading.Thread(target=_encrypt, args=(reading, stream, keys, trouble), daemon=True)
    worker.start()
    try:
        with os.fdopen(writing, "wb", buffering=1 << 16) as writer:
            yield writer
    except BrokenPipeError:
        worker.join()
        if not trouble:
            raise
    finally:
        worker.join()
    if trouble:
        raise SealingError(tr("encrypting failed: {trouble}", trouble=trouble[0]))


def recipient(text: str) -> Any:  # noqa: ANN401
    """Read a public key of age or SSH. Raises SealingError."""
    library = _library()
    kind = library.ssh if text.startswith("ssh-") else library.x25519
    try:
        return kind.Recipient.from_str(text)
    except library.RecipientError as error:
        raise SealingError(
            tr("{text}: no public key of age, and none of SSH that age takes: {error}", text=text, error=error)
        ) from None


def identities(path: Path) -> list[Any]:
    """Read private keys from a file: age identities, one a line, or an SSH key without passphrase. Raises
    SealingError.
    """
    library = _library()
    try:
        with path.open("rb") as stream:
            content = stream.read(_KEYS)
        lines = content.decode("ascii", "replace").splitlines()
        found = [library.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        return found or [library.ssh.Identity.from_buffer(content)]
    except OSError as error:
        raise SealingError(tr("{path}: {strerror}", path=path, strerror=error.strerror)) from None
    except library.IdentityError:
        raise SealingError(
            tr("{path}: holds no private key of age, and none of SSH without a passphrase", path=path)
        ) from None


def decrypt(collected: CollectionReader, folder: Path, keys: Sequence[Any]) -> None:
    """Write a collection to an empty folder, with items decrypted and other files unchanged.

    Raises SealingError, OSError.
    """
    files = FolderFiles(collected.folder)
    sealed = {item.file: item.opened() for item in collected.manifest.items if item.clear}
    for name in files.names():
        opened = sealed.get(name)
        target = folder / (name.removesuffix(SEALED) if opened else name)
        try:
            with target.open("xb") as stream:
                target.chmod(0o600)
                if opened:
                    with (collected.folder / name).open("rb") as source:
                        _library().decrypt_io(source, stream, keys)
                else:
                    stream.writelines(files.chunks(name))
        except (_library().DecryptError, FileProblem) as error:
            target.unlink()
            raise SealingError(tr("{folder}: {error}", folder=collected.folder / name, error=error)) from None
        if opened and (problem := difference(FolderFiles(folder), target.name, opened.bytes, opened.sha256)):
            raise SealingError(tr("{target}: {problem}", target=target, problem=problem))


def _encrypt(reading: int, stream: Writable, keys: Sequence[Any], trouble: list[Exception]) -> None:
    with os.fdopen(reading, "rb") as reader:
        try:
            _library().encrypt_io(reader, stream, keys)
        except Exception as error:
            trouble.append(error)


def _library() -> Any:  # noqa: ANN401
    try:
        import pyrage  # noqa: PLC0415 (an extra)
    except ImportError:
        raise SealingError(tr("to encrypt, install pyrage: pip install 'stopgap[age]'")) from None
    return pyrage
