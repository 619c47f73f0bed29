"""Gives the postman of a route; a postman's library is imported once there is a message to send."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import assert_never

from stopgap.orchestrator.message import FileRoute, Route, SmtpRoute, WebhookRoute
from stopgap.orchestrator.post.postman import Postman


def postman(route: Route, letters: Path, cancelled: threading.Event | None = None) -> Postman:
    """Return the postman for a route.

    `letters` is the folder for messages without a file name. A set `cancelled` ends any wait for a server.
    """
    match route:
        case SmtpRoute():
            from stopgap.orchestrator.post.smtp import SmtpPostman  # noqa: PLC0415

            return SmtpPostman(route, cancelled)
        case FileRoute():
            from stopgap.orchestrator.post.file import FilePostman  # noqa: PLC0415

            return FilePostman(route, letters)
        case WebhookRoute():
            from stopgap.orchestrator.post.webhook import WebhookPostman  # noqa: PLC0415

            return WebhookPostman(route, cancelled)
        case _:
            assert_never(route)
