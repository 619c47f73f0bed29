"""One HTTP request within a deadline, without redirects and without a proxy."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.peer import PeerError, connect_peer

_HEAD = 64 << 10
"""Most bytes of status line, headers and interim answers together."""


@dataclass(frozen=True)
class Reply:
    """The answer of a server."""

    status: int
    reason: str
    """The reason as received; not escaped."""
    body: bytes


class NotSentError(Exception):
    """The request was not sent, so the server cannot have received a byte. The message gives the reason."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    most: int = 0,
    ca: str | None = None,
) -> Reply:
    """POST to an http or https address; return the reply. See `request`."""
    return request("POST", url, body, headers, deadline, most=most, ca=ca)


def request(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    most: int = 0,
    ca: str | None = None,
) -> Reply:
    """Send one request to an http or https address; return the reply.

    `most`: cap on the body of the answer, in bytes; with 0 the body is not read. `ca`: a file of certificate
    authorities (PEM) in place of the system's. Raises NotSentError before the first byte of the request, then OSError
    (PeerError for a slow or flooding server), http.client.HTTPException, CancelledError.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        if not host or parts.scheme not in {"http", "https"}:
            raise NotSentError(tr("no address of http or https"))
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(host, parts.port)
        peer = connect_peer(host, connection.port, deadline, _HEAD + most + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotSentError(str(error)) from None
    except CancelledError:
        raise NotSentError("interrupted") from None
    with peer:
        if secure:
            try:
                peer.secure(ssl.create_default_context(cafile=ca), host)
            except OSError as error:
                raise NotSentError(str(error)) from None
            except CancelledError:
                raise NotSentError("interrupted") from None
        connection.sock = peer
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body or None, dict(headers))
        answer = http.client.HTTPResponse(peer, method=method)  # type: ignore[arg-type]
        answer.begin()
        found = answer.read(most + 1) if most else b""
        if len(found) > most:
            raise PeerError(tr("an answer of more than {most} KiB", most=most >> 10))
        return Reply(answer.status, answer.reason, found)
