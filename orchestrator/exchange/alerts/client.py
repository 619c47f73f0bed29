"""Requests of JSON with a token, to a server of the operator's; no redirect is followed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from stopgap.orchestrator.errors import Error, UnreachableError, UsageError
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.http import NotSentError, request

_TIMEOUT = 60.0
_LONGEST = 32 << 20
"""Bytes of an answer."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Method: TypeAlias = Literal["GET", "POST", "PATCH"]


class RefusedByServerError(Error):
    """The server did not do as asked; the message has its status and the beginning of its answer."""


class Asks(Protocol):
    """What sends requests, or shows them."""

    def ask(self, method: Method, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Send a request below the server's URL; return the JSON of the answer."""


@dataclass(frozen=True)
class Server:
    """A server, its token and certificate authority; a token goes over https alone, save to this machine."""

    url: str
    token: Secret
    ca: str | None = None
    """A file of certificate authorities (PEM) in place of the system's."""

    def __post_init__(self) -> None:
        """Check the URL. Raises UsageError."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
            raise UsageError(tr("--to {url}: expected https://SERVER", url=self.url))
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UsageError(tr("--to {url}: a token goes over https alone", url=self.url))

    def ask(self, method: Method, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Send a request. Raises UnreachableError, RefusedByServerError, SecretError."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token.reveal()}", "User-Agent": "stopgap"}
        headers |= {} if body is None else {"Content-Type": "application/json"}
        try:
            reply = request(
                method, self.url.rstrip("/") + path, data, headers, Deadline(_TIMEOUT), most=_LONGEST, ca=self.ca
            )
        except NotSentError as error:
            raise UnreachableError(tr("{url}: {error}", url=self.url, error=str(error))) from None
        except (OSError, http.client.HTTPException) as error:
            raise RefusedByServerError(
                tr("{url}{path}: no answer; ask it before you try again: {error}", url=self.url, path=path,
                   error=str(error) or type(error).__name__)
            ) from None  # fmt: skip
        if not 200 <= reply.status < 300:
            said = reply.body[:300].decode("utf-8", "replace")
            raise RefusedByServerError(
                tr("{url}{path}: {status} {said}", url=self.url, path=path, status=reply.status, said=said)
            )
        try:
            return json.loads(reply.body) if reply.body.strip() else None
        except ValueError:
            raise RefusedByServerError(
                tr("{url}{path}: an answer that is no JSON", url=self.url, path=path)
            ) from None


class Shown:
    """Keeps what would be asked, and answers with what `answers` has for a path, as of a server without the alert."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._answers = answers

    def ask(self, method: Method, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Keep a request; return the answer for the path without its query."""
        self.requests.append({"method": method, "path": path, "body": body})
        return self._answers.get(path.partition("?")[0])
