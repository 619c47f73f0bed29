"""Certificates of OpenSSH (PROTOCOL.certkeys): validity, in words."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertPublicKeyTypes,
    load_ssh_public_identity,
)

from stopgap.orchestrator.text import tr


def certificate_of(line: bytes) -> SSHCertificate | None:
    """Parse a certificate in the form of a public key file; `None` for anything else, or a broken signature."""
    try:
        found = load_ssh_public_identity(line)
        if (
            not isinstance(found, SSHCertificate) or bytes(found._inner_sig_type) == b"ssh-rsa"
        ):  # SHA-1 proves nothing
            return None
        found.verify_cert_signature()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return None
    return found


def certified_key(certificate: SSHCertificate) -> bytes:
    """Return the public key that the certificate certifies, in wire format."""
    return _wire(certificate.public_key())


def authority_of(certificate: SSHCertificate) -> bytes:
    """Return the public key of the authority that signed, in wire format."""
    return _wire(certificate.signature_key())


def _wire(key: SSHCertPublicKeyTypes) -> bytes:
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def out_of_date(certificate: SSHCertificate, now: float | None = None) -> str | None:
    """Return why the certificate is not valid at `now` (seconds since the epoch); `None` for a valid one."""
    now = time.time() if now is None else now
    if now < certificate.valid_after:
        return tr("is not valid before {valid_after}", valid_after=_moment(certificate.valid_after))
    if now >= certificate.valid_before:
        return tr("ended at {valid_before}", valid_before=_moment(certificate.valid_before))
    return None


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return tr("an impossible time")
