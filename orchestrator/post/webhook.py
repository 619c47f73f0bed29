"""By an HTTP POST of JSON, signed, with a key by which the other side knows a repetition."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.message import Message, WebhookRoute
from stopgap.orchestrator.post.postman import Posted
from stopgap.orchestrator.secret import SecretError

TIMEOUT = 20.0
"""Seconds for which a server may stay silent."""
_REPLY = 4096
"""Bytes of a reply that are read."""


class WebhookPostman:
    """Posts to one URL, a connection a message."""

    def __init__(self, route: WebhookRoute) -> None:
        self._route = route

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def post(self, message: Message) -> Posted:
        """Post one message; any status of 2xx has taken it."""
        url = urlsplit(self._route.url)
        body = payload(message)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "stopgap",
            "Idempotency-Key": message.key,
        }
        try:
            if self._route.secret is not None:
                headers["Stopgap-Signature"] = signature(self._route.secret.reveal(), int(time.time()), body)
            connection = _connection(url.scheme, url.hostname or "", url.port, self._route.ca)
            connection.connect()
        except (OSError, SecretError, ValueError, http.client.HTTPException) as error:
            return Posted("failed", f"{url.hostname}: {escape(str(error))[:200]}")
        try:
            connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), body, headers)
            reply = connection.getresponse()
            reply.read(_REPLY)
        except (OSError, http.client.HTTPException) as error:
            return Posted("unknown", f"{url.hostname}: handed over, not confirmed: {escape(str(error))[:200]}")
        finally:
            connection.close()
        outcome = "sent" if 200 <= reply.status < 300 else "failed"
        return Posted(outcome, f"{url.hostname}: {reply.status} {escape(reply.reason)[:100]}".rstrip())  # type: ignore[arg-type]


def payload(message: Message) -> bytes:
    """Give the JSON body."""
    return json.dumps(
        {
            "format": "stopgap-message",
            "version": 1,
            "key": message.key,
            "about": message.about,
            "to": message.to,
            "reply_to": message.reply_to,
            "subject": message.subject,
            "text": message.text,
            "attachments": [
                {"name": a.name, "type": a.media_type, "base64": base64.b64encode(a.content or b"").decode()}
                for a in message.attachments
            ],
        },
        ensure_ascii=False,
    ).encode()


def signature(secret: str, moment: int, body: bytes) -> str:
    """Give `t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`, so that an old request cannot be played again."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _connection(scheme: str, host: str, port: int | None, ca: str | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context(cafile=ca))
