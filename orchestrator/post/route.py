"""Gives the postman of a route; a postman's library is imported once there is a message to send."""

from __future__ import annotations

import threading
from pathlib import Path

from stopgap.orchestrator.message import FileRoute, Route, SmtpRoute
from stopgap.orchestrator.post.postman import Postman


def postman(route: Route, letters: Path, cancelled: threading.Event | None = None) -> Postman:
    """Return the postman for a route.

    `letters` is the folder for messages without a file name. A set `cancelled` ends any wait for a server.
    """
    if isinstance(route, SmtpRoute):
        from stopgap.orchestrator.post.smtp import SmtpPostman  # noqa: PLC0415

        return SmtpPostman(route, cancelled)
    if isinstance(route, FileRoute):
        from stopgap.orchestrator.post.file import FilePostman  # noqa: PLC0415

        return FilePostman(route, letters)
    from stopgap.orchestrator.post.webhook import WebhookPostman  # noqa: PLC0415

    return WebhookPostman(route, cancelled)
