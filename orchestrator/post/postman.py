"""The seam between a run and the ways out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from stopgap.orchestrator.message import FileRoute, Message, Route, SmtpRoute

TIMEOUT = 60.0
"""Seconds that one message may take, from the look-up of the server's name to its last word."""
ANSWER = 64 << 10
"""Bytes that a server may say about one message."""


@dataclass(frozen=True)
class Posted:
    """What became of a message. `failed`: it did not go. `unknown`: it was handed over, and none confirmed."""

    outcome: Literal["sent", "failed", "unknown"]
    detail: str
    """What the other side said, escaped; or where the file lies."""


class Postman(Protocol):
    """Takes messages one way. Raises nothing for a message that cannot be sent: `Posted` says so."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def post(self, message: Message) -> Posted:
        """Send one message, once; returns within TIMEOUT seconds."""


def postman(route: Route, letters: Path, cancelled: threading.Event | None = None) -> Postman:
    """Give the postman for a route.

    `letters` is the folder for messages that name no file. Once `cancelled` is set, no server is waited for.
    """
    if isinstance(route, SmtpRoute):
        from stopgap.orchestrator.post.smtp import SmtpPostman  # noqa: PLC0415

        return SmtpPostman(route, cancelled)
    if isinstance(route, FileRoute):
        from stopgap.orchestrator.post.file import FilePostman  # noqa: PLC0415

        return FilePostman(route, letters)
    from stopgap.orchestrator.post.webhook import WebhookPostman  # noqa: PLC0415

    return WebhookPostman(route, cancelled)
