"""Host keys pinned for an address, from a file in the format of sshd(8) (SSH_KNOWN_HOSTS FILE FORMAT).

Supported: plain, wildcard, negated and hashed names, `@revoked` and `@cert-authority`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path


@dataclass(frozen=True)
class Pinned:
    """Public keys in wire format (RFC 4253, section 6.6)."""

    keys: tuple[bytes, ...] = ()
    revoked: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()
    """Keys that sign certificates of the host (`@cert-authority`)."""

    def __add__(self, other: Pinned) -> Pinned:
        return Pinned(self.keys + other.keys, self.revoked + other.revoked, self.authorities + other.authorities)

    @property
    def types(self) -> tuple[str, ...]:
        """Return the types of the keys, such as `ssh-ed25519`, in the order of the file."""
        return tuple(dict.fromkeys(key_type(key) for key in self.keys))


def pinned_keys(file: Path, names: Sequence[str]) -> Pinned:
    """Read the keys pinned for a host with these names, such as those of `host_names`; raises OSError."""
    found: dict[str, list[bytes]] = {"": [], "@revoked": [], "@cert-authority": []}
    for line in file.read_text("utf-8", "surrogateescape").splitlines():
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) < 3 or fields[0].startswith("#") or marker not in found:
            continue
        if not any(_matches(fields[0], name) for name in names):
            continue
        try:
            key = base64.b64decode(fields[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        if key_type(key) == fields[1]:
            found[marker].append(key)
    return Pinned(*(tuple(found[marker]) for marker in ("", "@revoked", "@cert-authority")))


def host_names(address: str, port: int) -> tuple[str, ...]:
    """Return the names of this address in known_hosts files, the usual name first.

    >>> host_names("192.0.2.7", 2222)
    ('[192.0.2.7]:2222',)
    """
    written = address.lower()
    try:
        spellings = dict.fromkeys((str(ip_address(written)), written))
    except ValueError:
        spellings = dict.fromkeys((written,))
    return tuple(name if port == 22 else f"[{name}]:{port}" for name in spellings)


def key_type(key: bytes) -> str:
    """Return the type at the beginning of a public key; empty for a malformed key."""
    length = int.from_bytes(key[:4], "big")
    name = key[4 : 4 + length]
    return name.decode("ascii", "replace") if length and len(name) == length else ""


def fingerprint(key: bytes) -> str:
    """Return the fingerprint in the format of ssh-keygen(1): `SHA256:…`."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _hash_matches(patterns, name)
    found = False
    for word in patterns.lower().split(","):
        if matches_wildcards(word.removeprefix("!"), name):
            if word.startswith("!"):
                return False
            found = True
    return found


def matches_wildcards(pattern: str, name: str) -> bool:
    """Match `*` and `?`, in time bounded by the product of the lengths."""
    at, star, resume = 0, -1, 0
    place = 0
    while place < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, resume, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in {"?", name[place]}:
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")


def _hash_matches(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in hashed.split("|")[2:])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), digest)
