"""One HTTP request within a deadline; redirections are not followed, and no proxy is asked."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.peer import PeerError, connect_peer

_HEAD = 64 << 10
"""Bytes that a status line, headers and interim answers may take together."""


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    reason: str
    """As it came; not escaped."""
    body: bytes


class NotSentError(Exception):
    """The request was not sent: the server cannot have seen it. The message says why."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    most: int = 0,
    ca: str | None = None,
) -> Reply:
    """POST to an address of http or https.

    `most`: bytes that the body of the answer may have; with 0 it is not read: the status line tells enough.
    `ca`: a file of authorities (PEM) instead of the system's.
    Raises NotSentError before a byte of the request was sent, then OSError (PeerError for a server that takes too
    long or says too much), http.client.HTTPException, CancelledError.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        if not host or parts.scheme not in {"http", "https"}:
            raise NotSentError("no address of http or https")
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
        connection.request("POST", path, body, dict(headers))
        answer = http.client.HTTPResponse(peer, method="POST")  # type: ignore[arg-type]
        answer.begin()
        found = answer.read(most + 1) if most else b""
        if len(found) > most:
            raise PeerError(f"an answer of more than {most >> 10} KiB")
        return Reply(answer.status, answer.reason, found)
