"""An agent that holds a FIDO key: the device in software, which signs as PROTOCOL.u2f of OpenSSH says."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TYPE, APPLICATION = b"sk-ssh-ed25519@openssh.com", b"ssh:"
_TOUCHED = 1
"""The flag of a device that a person has touched."""


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class SecurityKey:
    """A key whose private half no file has."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.public = _string(TYPE) + _string(self._private.public_key().public_bytes_raw()) + _string(APPLICATION)
        self.touched = 0

    def sign(self, data: bytes) -> bytes:
        """Give the signature over what a server asks for, as an agent passes it on."""
        self.touched += 1
        state = struct.pack(">BI", _TOUCHED, self.touched)
        signed = hashlib.sha256(APPLICATION).digest() + state + hashlib.sha256(data).digest()
        return _string(TYPE) + _string(self._private.sign(signed)) + state

    def answer(self, request: bytes) -> bytes:
        """Answer one request of the agent's protocol (draft-ietf-sshm-ssh-agent)."""
        if request[0] == 11:
            return b"\x0c" + struct.pack(">I", 1) + _string(self.public) + _string(b"a key of a test")
        if request[0] != 13:
            return b"\x05"  # an extension, such as session-bind@openssh.com
        length = struct.unpack(">I", request[1:5])[0]
        rest = request[5 + length :]
        data = rest[4 : 4 + struct.unpack(">I", rest[:4])[0]]
        return b"\x0e" + _string(self.sign(data))


@contextmanager
def holding(key: SecurityKey, address: Path) -> Iterator[None]:
    """Serve the key on a Unix socket for the length of a block."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen()
        threading.Thread(target=_serve, args=(server, key), daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, key: SecurityKey) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as requests:
            while header := requests.read(4):
                connection.sendall(_string(key.answer(requests.read(struct.unpack(">I", header)[0]))))
