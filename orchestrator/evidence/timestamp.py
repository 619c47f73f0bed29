"""Trusted time-stamps by an authority (RFC 3161)."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.files import Files, read
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.http import NotSentError, post

_TIMEOUT = 60.0
"""Seconds that an authority gets, from the look-up of its name to its last byte."""
_LONGEST = 256 << 10
"""Bytes of a time-stamp; those with all certificates take some 8 kB."""


class TimestampError(Error):
    """A time-stamp is missing or invalid; the message gives the reason."""


def stamp(content: bytes, url: str) -> bytes:
    """Return a time-stamp by an authority on the SHA-256 of the content; only the hash is sent. Raises
    TimestampError.
    """
    library = _library()
    request = library.TimestampRequestBuilder().data(content).hash_algorithm(library.HashAlgorithm.SHA256).build()
    answer = _post(url, request.as_bytes())
    try:
        response = library.decode_timestamp_response(answer)
        granted = response.status in {0, 1}
        same = granted and response.tst_info.message_imprint.message == hashlib.sha256(content).digest()
        fresh = granted and response.tst_info.nonce == request.nonce
    except ValueError as error:
        raise TimestampError(
            tr("{url}: its answer is no time-stamp: {error}", url=url, error=str(error)[:200])
        ) from None
    if not granted:
        raise TimestampError(
            tr("{url}: refused: {status_string}", url=url, status_string=" ".join(response.status_string)[:200])
        )
    if not (same and fresh):
        raise TimestampError(tr("{url}: its time-stamp is of something else", url=url))
    return answer


def stamp_problems(files: Files, name: str, content: bytes, roots: Path | None) -> Iterator[str]:
    """Yield problems of a file's time-stamp, `NAME.tsr` beside the file; `roots` is a PEM file of authorities.

    Without `roots`, no time-stamp is required or checked. Raises TimestampError without the library.
    """
    if roots is None:
        return
    found = read(files, f"{name}.tsr", _LONGEST)
    if found is None:
        yield tr("{name}: not time-stamped, or the time-stamp was removed", name=name)
        return
    library = _library()
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 (takes long)

    try:
        builder = library.VerifierBuilder()
        for certificate in load_pem_x509_certificates(roots.read_bytes()):
            builder = builder.add_root_certificate(certificate)
        builder.build().verify_message(library.decode_timestamp_response(found), content)
    except OSError as error:
        yield tr("{roots}: {strerror}", roots=roots, strerror=error.strerror)
    except (ValueError, library.VerificationError) as error:
        yield tr("{name}.tsr: does not hold: {error}", name=name, error=str(error)[:200])


def _library() -> Any:  # noqa: ANN401
    try:
        import rfc3161_client  # noqa: PLC0415 (an extra)
    except ImportError:
        raise TimestampError(tr("for time-stamps, install rfc3161-client: pip install 'stopgap[tsa]'")) from None
    return rfc3161_client


def _post(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        reply = post(url, body, headers, Deadline(_TIMEOUT), most=_LONGEST)
    except (NotSentError, OSError, ValueError, http.client.HTTPException) as error:
        raise TimestampError(tr("{url}: {error}", url=url, error=str(error)[:200])) from None
    if reply.status != 200:
        raise TimestampError(tr("{url}: {status} {reason}", url=url, status=reply.status, reason=reply.reason[:100]))
    return reply.body
