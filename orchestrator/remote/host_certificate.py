"""Host certificates (PROTOCOL.certkeys of OpenSSH): who signed, for which names, and until when."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import SSHCertificate, SSHCertificateType

from stopgap.orchestrator.remote.identity.certificate import authority_of, certificate_of, certified_key, out_of_date
from stopgap.orchestrator.remote.known_hosts import Pinned, key_type, matches_wildcards
from stopgap.orchestrator.text import tr

SUFFIX = "-cert-v01@openssh.com"


def is_certificate(shown: bytes) -> bool:
    """Return True for a host key that comes as a certificate."""
    return key_type(shown).endswith(SUFFIX)


def certificate_fault(shown: bytes, pinned: Pinned, names: Sequence[str]) -> str | None:
    """Return why a host certificate does not identify the host; `None` for a valid certificate.

    `shown`: the certificate in wire format. `names`: the names by which the operator reaches the host, without port.
    """
    certificate = certificate_of(f"{key_type(shown)} ".encode() + base64.b64encode(shown))
    if certificate is None:
        return tr("is broken, or its signature is")
    authority = authority_of(certificate)
    if shown in pinned.revoked or certified_key(certificate) in pinned.revoked:
        return tr("is revoked (@revoked)")
    if authority in pinned.revoked:
        return tr("is signed by an authority that is revoked (@revoked)")
    if authority not in pinned.authorities:
        return tr("is signed by another authority than known_hosts names (@cert-authority)")
    return _content_fault(certificate, names)


def _content_fault(certificate: SSHCertificate, names: Sequence[str]) -> str | None:
    if certificate.type is not SSHCertificateType.HOST:
        return tr("is a certificate of a user, and not of a host")
    if certificate.critical_options:
        return tr("has critical options, of which no host certificate has any")
    if ended := out_of_date(certificate):
        return ended
    principals = [name.decode("utf-8", "replace") for name in certificate.valid_principals]
    if not any(matches_wildcards(pattern.lower(), name) for pattern in principals for name in names):
        return tr(
            "is for {principals}, and not for {names}",
            principals=", ".join(principals)[:200] or tr("no name"),
            names=names[0],
        )
    return None
