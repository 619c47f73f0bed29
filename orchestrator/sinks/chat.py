"""Chat, pagers and telephones, by Apprise (https://github.com/caronc/apprise), imported with the first event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.language import rendered
from stopgap.orchestrator.severity import Severity, severity_text
from stopgap.orchestrator.sinks.config import AppriseSink
from stopgap.orchestrator.text import joined, tr

_TYPES: dict[Severity, str] = {
    "critical": "failure",
    "high": "failure",
    "medium": "warning",
    "low": "info",
    "info": "info",
}
_SHOWN = ("host", "step", "run", "reason", "command", "until")
_LONGEST = 2000
"""Characters of a message's text."""


class Chat:
    """A receiver that tells people an event in words: a title of one line, and what else is known."""

    def __init__(self, sink: AppriseSink) -> None:
        """Raises Error without the package, or for an address that Apprise does not know."""
        try:
            import apprise  # noqa: PLC0415
        except ImportError:
            raise Error(tr("the package apprise is not installed; `pip install stopgap[apprise]` adds it")) from None
        self._lang = sink.lang
        self._apprise = apprise.Apprise()
        for number, url in enumerate(sink.urls, 1):
            if not self._apprise.add(url.reveal()):
                raise Error(tr("address {number} is none that Apprise knows", number=number))

    def send(self, event: Mapping[str, Any]) -> None:
        """Notify. Raises OSError where one of the services did not take the message."""
        severity: Severity = event["severity"]
        title = rendered(joined(": ", (severity_text(severity), event["summary"])), self._lang)
        lines = [f"{key}: {rendered(str(event[key]), self._lang)}" for key in _SHOWN if event.get(key)]
        body = "\n".join([event["event"], *lines])[:_LONGEST]
        if not self._apprise.notify(body=body, title=title[:200], notify_type=_TYPES[severity]):
            raise OSError(tr("a service did not take the message"))

    def close(self) -> None:
        """Apprise keeps no connection."""
