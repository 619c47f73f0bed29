"""Webhook: an HTTP POST of JSON, signed, with an idempotency key to recognise a repetition."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
from typing import Literal
from urllib.parse import urlsplit

from stopgap.orchestrator.message import Message, WebhookRoute
from stopgap.orchestrator.post.postman import TIMEOUT, Connectionless, Posted
from stopgap.orchestrator.secret import SecretError
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.http import NotSentError, post


class WebhookPostman(Connectionless):
    """A postman for one URL; each message has a new connection."""

    def __init__(self, route: WebhookRoute, cancelled: threading.Event | None = None) -> None:
        """A set `cancelled` ends the wait for the server."""
        self._route = route
        self._cancelled = cancelled

    def post(self, message: Message) -> Posted:
        """Post one message; any 2xx status counts as sent."""
        name = urlsplit(self._route.url).hostname
        body = payload(message)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "stopgap",
            "Idempotency-Key": message.key,
        }
        try:
            if self._route.secret is not None:
                headers["Stopgap-Signature"] = signature(self._route.secret.reveal(), int(time.time()), body)
            deadline = Deadline(TIMEOUT, self._cancelled)
            reply = post(self._route.url, body, headers, deadline, ca=self._route.ca)
        except (NotSentError, SecretError) as error:
            return Posted("failed", f"{name}: {str(error)[:200]}")
        except CancelledError:
            return Posted("unknown", tr("{name}: interrupted; it may have been handed over", name=name))
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Posted(
                "unknown", tr("{name}: handed over, not confirmed: {error}", name=name, error=str(error)[:200])
            )
        outcome: Literal["sent", "failed"] = "sent" if 200 <= reply.status < 300 else "failed"
        return Posted(outcome, f"{name}: {reply.status} {reply.reason[:100]}".rstrip())


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
    """Return `t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`, so receivers can reject a replayed request."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
