"""Decompression of SSH packets, within a bound (RFC 4253, section 6.2)."""

from __future__ import annotations

import zlib

from paramiko import SSHException

from stopgap.orchestrator.text import tr

DELAYED = "zlib@openssh.com"
"""Compression that begins once the client is logged in (draft-miller-secsh-compression-delayed)."""


class BoundedDecompressor:
    """Decompresses the packets of one direction; paramiko's decompressor makes 264 MB of a packet of 256 KiB."""

    def __init__(self, most: int) -> None:
        """`most`: the longest packet in bytes, decompressed."""
        self._most = most
        self._stream = zlib.decompressobj()

    def __call__(self, packet: bytes) -> bytes:
        """Return the decompressed packet. Raises SSHException for a packet beyond the bound, or malformed data."""
        try:
            plain = self._stream.decompress(packet, self._most + 1)
        except zlib.error:
            raise SSHException(tr("a packet that cannot be decompressed")) from None
        if not plain or len(plain) > self._most:
            raise SSHException(tr("a packet of impossible length"))
        return plain
