"""Signatures of playbooks (CACAO 2.0, 10.15 and appendix A): made with the operator's key, and compared.

What is signed is the hexadecimal text of the SHA-256 of the playbook in canonical JSON, with this signature alone and
without its `value`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.exchange.cacao.identity import STOPGAP, identifier
from stopgap.orchestrator.exchange.jcs import canonical
from stopgap.orchestrator.text import tr

_HALF = 32
"""Bytes of each half of an ES256 signature (RFC 7518, 3.4)."""


def signed(playbook: Mapping[str, Any], key: Path, signee: str) -> dict[str, Any]:
    """Return the playbook with a signature of the private key in a file; the same each time.

    Args:
        playbook: the playbook; signatures of others stay.
        key: file of a private key without a passphrase: OpenSSH's form or PEM; Ed25519, RSA or ECDSA with P-256.
        signee: who signs, as readers see it.

    Raises:
        UsageError: the key cannot be read, or is of another kind.
    """
    private = _private(key)
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    public = base64.b64encode(der).decode("ascii")
    made = {
        "type": "jss",
        "id": identifier("jss", str(playbook["id"]), str(playbook["modified"]), public),
        "created_by": STOPGAP,
        "created": playbook["modified"],
        "modified": playbook["modified"],
        "signee": signee,
        "related_to": playbook["id"],
        "related_version": playbook["modified"],
        "hash_algorithm": "sha-256",
        "algorithm": _algorithm(private),
        "public_key": public,
    }
    value = base64.urlsafe_b64encode(_sign(private, _digest(playbook, made))).rstrip(b"=").decode("ascii")
    others = [each for each in playbook.get("signatures", []) if each.get("id") != made["id"]]
    return {**playbook, "signatures": [*others, {**made, "value": value}]}


def matches(playbook: Mapping[str, Any], signature: Mapping[str, Any]) -> bool | None:
    """Return True if a signature is of this playbook, by the public key in the signature.

    Returns:
        `None` for a key or an algorithm that is not known here. A match says nothing about whose key it is.
    """
    text, value = signature.get("public_key"), signature.get("value")
    if not isinstance(text, str) or not isinstance(value, str) or signature.get("hash_algorithm") != "sha-256":
        return None
    try:
        public = serialization.load_der_public_key(base64.b64decode(text, validate=True))
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        content = _digest(playbook, {key: each for key, each in signature.items() if key != "value"})
        return _verify(public, str(signature.get("algorithm")), raw, content)
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None


def _digest(playbook: Mapping[str, Any], signature: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(canonical({**playbook, "signatures": [signature]})).hexdigest().encode("ascii")


def _private(key: Path) -> ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        content = key.read_bytes()
        load = (
            serialization.load_ssh_private_key
            if b"OPENSSH PRIVATE KEY" in content
            else serialization.load_pem_private_key
        )
        private = load(content, password=None)
    except OSError as error:
        raise UsageError(f"{key}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(
            tr("{key}: no private key, or one with a passphrase; a playbook is signed with a key without", key=key)
        ) from None
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        return private
    if isinstance(private, (ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        return private
    raise UsageError(tr("{key}: a playbook is signed with Ed25519, RSA or ECDSA with P-256", key=key))


def _algorithm(private: object) -> str:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "Ed25519"
    return "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"


def _sign(
    private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, content: bytes
) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(content)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(content, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(private.sign(content, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def _verify(public: object, algorithm: str, raw: bytes, content: bytes) -> bool | None:
    try:
        match public, algorithm:
            case ed25519.Ed25519PublicKey(), "Ed25519" | "EdDSA":
                public.verify(raw, content)
            case rsa.RSAPublicKey(), "RS256":
                public.verify(raw, content, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePublicKey(), "ES256":
                r, s = int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big")
                public.verify(encode_dss_signature(r, s), content, ec.ECDSA(hashes.SHA256()))
            case _:
                return None
    except InvalidSignature:
        return False
    return True
