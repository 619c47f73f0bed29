"""The content of a key file, recognised by its first bytes, without a passphrase and without paramiko.

Sources: PROTOCOL.key of OpenSSH for `openssh-key-v1`, RFC 7468 for PEM and PKCS#8, RFC 4253, 6.6 for public keys.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stopgap.orchestrator.remote.known_hosts import key_type
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr

LARGEST = 1 << 20
"""Bytes read of a file."""

KeyKind: TypeAlias = Literal["private", "public", "certificate", "putty", "dsa", "ssh1", "nothing"]

_PEM = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----(.*?)-----END", re.DOTALL)
_PUBLIC = re.compile(rb"\s*((?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)(?=\s|$)")
_CERTIFICATE = "-cert-v01@openssh.com"
_MAGIC = b"openssh-key-v1\0"


@dataclass(frozen=True)
class KeyFile:
    """A recognised key file."""

    kind: KeyKind
    key_type: str = ""
    """Type of the key, such as `ssh-ed25519`; empty if only a passphrase shows the type."""
    public: bytes | None = None
    """The public key in wire format, as far as the file shows the public key without a passphrase."""
    encrypted: bool = False

    @property
    def is_fido(self) -> bool:
        """True for a key whose private half is in a FIDO device (`sk-…`, PROTOCOL.u2f of OpenSSH)."""
        return self.key_type.startswith("sk-")


def recognise(content: bytes) -> KeyFile:
    """Return the kind of the key in a file's first mebibyte.

    >>> recognise(b"PuTTY-User-Key-File-3: ssh-ed25519").kind
    'putty'
    """
    if content.startswith(b"PuTTY-User-Key-File"):
        return KeyFile("putty")
    if content.startswith(b"SSH PRIVATE KEY FILE FORMAT 1"):
        return KeyFile("ssh1")
    if pem := _PEM.search(content):
        return _private(pem[1].decode().strip(), pem[2])
    if public := _PUBLIC.match(content):
        return _public(public[1].decode(), public[2])
    return KeyFile("nothing")


def read(path: Path) -> KeyFile:
    """Recognise a file; raises OSError."""
    with path.open("rb") as file:
        return recognise(file.read(LARGEST))


def fault(path: Path, key: KeyFile) -> tuple[str, str] | None:
    """Return what makes the file useless as an identity, and the remedy; `None` for a key that may log in.

    A public key or a FIDO key may log in: the agent may hold the private half.
    """
    match key.kind:
        case "private" | "public" | "certificate":
            return None
        case "putty":
            new = path.with_suffix("")
            command = join(["puttygen", str(path), "-O", "private-openssh", "-o", str(new)])
            return tr("a key of PuTTY's, which OpenSSH cannot read"), command
        case "dsa":
            return tr("a DSA key, which no current SSH server accepts"), tr("make another: ssh-keygen -t ed25519")
        case "ssh1":
            return tr("a key of SSH 1, which no current SSH server accepts"), tr(
                "make another: ssh-keygen -t ed25519"
            )
        case "nothing":
            return tr("no private key"), tr("name the file that ssh-keygen wrote, without .pub")


def _private(name: str, body: bytes) -> KeyFile:
    if name == "OPENSSH":
        return _openssh(body)
    if name == "DSA":
        return KeyFile("dsa")
    encrypted = name == "ENCRYPTED" or b"Proc-Type: 4,ENCRYPTED" in body
    return KeyFile("private", "ssh-rsa" if name == "RSA" else "", encrypted=encrypted)


def _openssh(body: bytes) -> KeyFile:
    try:
        data = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return KeyFile("nothing")
    if not data.startswith(_MAGIC):
        return KeyFile("nothing")
    cipher, rest = _string(data[len(_MAGIC) :])
    for _ in range(2):  # the name and the options of the key derivation function
        _, rest = _string(rest)
    public, _ = _string(rest[4:])
    kind = key_type(public)
    if kind == "ssh-dss":
        return KeyFile("dsa")
    return KeyFile("private", kind, public, encrypted=cipher != b"none") if kind else KeyFile("nothing")


def _public(kind: str, encoded: bytes) -> KeyFile:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return KeyFile("nothing")
    if key_type(blob) != kind:
        return KeyFile("nothing")
    return KeyFile("certificate" if kind.endswith(_CERTIFICATE) else "public", kind, blob)


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Split the first string of the SSH wire format from the rest (RFC 4251, 5); empty for a malformed string."""
    length = int.from_bytes(data[:4], "big")
    found = data[4 : 4 + length]
    return (found, data[4 + length :]) if len(data) >= 4 and len(found) == length else (b"", b"")
