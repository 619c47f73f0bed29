"""A webhook of events: an HTTP POST each, signed as a message's is, or CloudEvents 1.0 in structured mode."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stopgap.orchestrator.exchange.events import cloudevent
from stopgap.orchestrator.post.webhook import signature
from stopgap.orchestrator.sinks.body import compiled
from stopgap.orchestrator.sinks.config import WebhookSink
from stopgap.orchestrator.sinks.receiver import PATIENCE, RefusedError
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.http import NotSentError, post

_AGAIN = frozenset({408, 425, 429})
"""Answers of 4xx after which the same request may be taken later (RFC 9110, RFC 8470, RFC 6585)."""
_LONGEST = 1 << 20
"""Characters of a body that a template makes."""


class Webhook:
    """A receiver for one URL; each event has a new connection."""

    def __init__(self, sink: WebhookSink) -> None:
        self._sink = sink

    def send(self, event: Mapping[str, Any]) -> None:
        """Post one event; any 2xx status counts. Raises RefusedError for other 4xx, OSError for what may pass."""
        sink = self._sink
        name = urlsplit(sink.url).hostname
        body, kind = self._body(event)
        headers = {"Content-Type": kind, "User-Agent": "stopgap", "Idempotency-Key": str(event["id"])}
        if sink.bearer is not None:
            headers["Authorization"] = f"Bearer {sink.bearer.reveal()}"
        if sink.secret is not None:
            headers["Stopgap-Signature"] = signature(sink.secret.reveal(), int(time.time()), body)
        try:
            reply = post(sink.url, body, headers, Deadline(PATIENCE), ca=sink.ca)
        except (NotSentError, ValueError, http.client.HTTPException) as error:
            raise OSError(f"{name}: {str(error)[:200]}") from None
        if 200 <= reply.status < 300:
            return
        said = f"{name}: {reply.status} {reply.reason[:100]}".rstrip()
        if 400 <= reply.status < 500 and reply.status not in _AGAIN:
            raise RefusedError(said)
        raise OSError(said)

    def close(self) -> None:
        """Nothing is open between two events."""

    def _body(self, event: Mapping[str, Any]) -> tuple[bytes, str]:
        sink = self._sink
        if sink.template is not None:
            made = compiled(sink.template).render(event=event)
            if len(made) > _LONGEST:
                raise RefusedError(f"{len(made):,} > {_LONGEST:,}")
            return made.encode("utf-8", "replace"), sink.content_type
        if sink.format == "cloudevents":
            return json.dumps(cloudevent(event)).encode(), "application/cloudevents+json; charset=utf-8"
        return json.dumps(event).encode(), "application/json; charset=utf-8"
