"""Metrics for node_exporter's textfile collector: one file, replaced atomically."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stopgap.orchestrator.journal import JournalError, open_journal_to_read
from stopgap.orchestrator.sinks.config import PrometheusSink
from stopgap.orchestrator.sinks.metrics import Metrics

_PAUSE = 2.0
"""Seconds between two files while a run goes on; the end of a run is never left out."""
_AT_ONCE = frozenset({"run-finished", "undo-made", "question-waits", "answered"})


class Textfile:
    """A receiver that writes what the journal amounts to, and no event by itself."""

    def __init__(self, sink: PrometheusSink, home: Path) -> None:
        self._path, self._home = Path(sink.path), home
        self._metrics = Metrics()
        self._written = 0.0
        self._behind = False

    def send(self, event: Mapping[str, Any]) -> None:
        """Write the file anew, at most every two seconds. Raises OSError."""
        self._behind = True
        if event["event"] in _AT_ONCE or time.monotonic() - self._written > _PAUSE:
            self._write()

    def close(self) -> None:
        """Write what the last events have changed."""
        if self._behind:
            with suppress(OSError):
                self._write()

    def _write(self) -> None:
        try:
            with open_journal_to_read({**os.environ, "STOPGAP_HOME": str(self._home)}) as journal:
                text = self._metrics.text(journal)
        except JournalError as error:
            raise OSError(str(error)) from None
        # node_exporter reads every *.prom: the temporary file is called otherwise.
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            temporary.replace(self._path)
        finally:
            temporary.unlink(missing_ok=True)
        self._written, self._behind = time.monotonic(), False
