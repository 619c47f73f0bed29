"""The certificates that programs trust, as the bundle has them that most of them read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.archive import Member
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.findings.tables.packages import Digests, digests_of

_BUNDLES = re.compile(r"^/etc/ssl/(?:certs/ca-certificates\.crt|cert\.pem)$|^/etc/pki/tls/certs/ca-bundle\.crt$")
_ADDED = re.compile(r"^/usr/local/share/ca-certificates/")
_LARGEST = 2 << 20
"""Bytes of a bundle."""
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_MOST = 2000
"""Certificates of a bundle."""
_FEW = 3
"""Certificates of a bundle that somebody made by hand."""
_WORDS = re.compile(rb"[\x20-\x7e]{4,64}")


@table(
    "trusted-certificates",
    reads="configuration package-digests",
    also="system-rules",
    fields={
        "path": "the bundle",
        "name": "words in the certificate that are likely its owner's name",
        "known": "certificates of the bundle that packages brought",
    },
)
def trusted_certificates(collected: CollectionReader) -> Iterator[Row]:
    """Certificates of the trusted bundle that neither a package nor an administrator brought as files."""
    digests = digests_of(collected)
    added: set[str] = set()
    for member in collected.members("system-rules"):
        if member.kind == "file" and _ADDED.match(member.name):
            for _, block in _blocks(member):
                if collected.meter.hold("certificates"):
                    added.add(hashlib.sha256(_plain(block)).hexdigest())
    for member in collected.members("configuration"):
        if member.kind != "file" or not _BUNDLES.match(member.name):
            continue
        found = list(_blocks(member))
        foreign = [(line, block) for line, block in found if not _brought(block, digests)]
        if len(foreign) == len(found) > _FEW:
            continue  # no package has them as files of their own, so that there is nothing to set them against
        for line, block in foreign:
            if hashlib.sha256(_plain(block)).hexdigest() in added:
                continue
            row: Fields = {"path": member.name, "name": _name(block), "known": len(found) - len(foreign)}
            yield Row(row, Place("configuration", line, member.name))


def _blocks(member: Member) -> Iterator[tuple[int, bytes]]:
    """Yield the certificates of a file in PEM (RFC 7468), each with the line on which it begins."""
    content = member.read(_LARGEST)
    at, line, before = 0, 1, 0
    for _ in range(_MOST):
        begin = content.find(_BEGIN, at)
        end = content.find(_END, begin)
        if begin < 0 or end < 0:
            return
        line += content.count(b"\n", before, begin)
        before, at = begin, end + len(_END)
        yield line, content[begin:at]


def _brought(block: bytes, digests: Digests) -> bool:
    """Tell whether a package brought a file that holds this certificate alone."""
    return digests.brought(hashlib.md5(block + b"\n", usedforsecurity=False).hexdigest()) or digests.brought(
        hashlib.sha256(block + b"\n").hexdigest()
    )


def _plain(block: bytes) -> bytes:
    return b"".join(block.split())


def _name(block: bytes) -> str:
    """Return the texts of a certificate, as far as they can be read without a parser of ASN.1."""
    body = b"".join(block.removeprefix(_BEGIN).removesuffix(_END).split())
    try:
        decoded = base64.b64decode(body[: len(body) - len(body) % 4][:16384])
    except (binascii.Error, ValueError):
        return ""
    words = [word.decode("ascii") for word in _WORDS.findall(decoded)[:6]]
    return ", ".join(dict.fromkeys(words))[:120]
