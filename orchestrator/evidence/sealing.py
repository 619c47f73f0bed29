"""Encrypts what is written, as it is written, to the public keys of people (age-encryption.org/v1).

Nothing of it reaches a disk in clear. Who holds none of their private keys, as this machine, cannot read it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

MAGIC = b"age-encryption.org/v1\n"
"""How every encrypted file begins."""


class SealingError(Exception):
    """What was to be encrypted could not be; the message says why."""


@contextmanager
def sealing(stream: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """Give a stream; what is written to it goes to `stream` encrypted, whole when the block has ended.

    A recipient is `age1…`, or an SSH public key, `ssh-ed25519 AAAA…`. Raises SealingError.
    """
    keys = [_recipient(text) for text in recipients]
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
        raise SealingError(f"encrypting failed: {trouble[0]}")


def _encrypt(reading: int, stream: IO[bytes], keys: Sequence[Any], trouble: list[Exception]) -> None:
    import pyrage  # noqa: PLC0415 (an extra)

    with os.fdopen(reading, "rb") as reader:
        try:
            pyrage.encrypt_io(reader, stream, keys)
        except Exception as error:
            trouble.append(error)


def _recipient(text: str) -> Any:  # noqa: ANN401
    try:
        import pyrage  # noqa: PLC0415 (an extra)
    except ImportError:
        raise SealingError("to encrypt, install pyrage: pip install 'stopgap[age]'") from None
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise SealingError(f"{text}: no public key of age, and none of SSH that age takes: {error}") from None
