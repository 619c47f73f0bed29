"""JSON lines in a file: appended, 0600, opened by its name for each event, so that logrotate(8) may move the file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.sinks.config import FileSink

_MODE = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class JsonLines:
    """A receiver that appends one line an event: ASCII, other characters escaped, so that a line stays a line."""

    def __init__(self, sink: FileSink) -> None:
        self._path = sink.path

    def send(self, event: Mapping[str, Any]) -> None:
        """Append the event by one write(2), which no other writer comes between. Raises OSError."""
        line = json.dumps(event).encode("ascii") + b"\n"
        descriptor = os.open(self._path, _MODE, 0o600)  # without waiting, should it be a pipe that nobody reads
        try:
            if (written := os.write(descriptor, line)) != len(line):
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                raise OSError(28, os.strerror(28), self._path)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Nothing is open between two events."""
