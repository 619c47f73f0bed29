"""Logging by the standard library, below the logger `stopgap`: silent unless a program or `-v` asks for it.

Each record carries `host` and `step`, empty where there is none. Before any handler sees a record, known secrets are
replaced and what a host sent is escaped. Scripts, output of hosts and letters are never logged: sizes and times are.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.secret import redact

TOP = "stopgap"
_LONGEST = 2000
"""Characters of a message."""

logging.getLogger(TOP).addHandler(logging.NullHandler())


class Log(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records name a host and a step.

    >>> Log("stopgap.doctest", host="web").on("cut-off").extra
    {'host': 'web', 'step': 'cut-off'}
    """

    def __init__(self, name: str, host: str = "", step: str = "") -> None:
        """Take the name of the logger, below `stopgap`."""
        logger = logging.getLogger(name)
        if not any(isinstance(known, _Safe) for known in logger.filters):
            logger.addFilter(_Safe())
        super().__init__(logger, {"host": host, "step": step})

    def at(self, host: str) -> Log:
        """Return the logger for a host."""
        return Log(self.logger.name, host, str((self.extra or {}).get("step", "")))

    def on(self, step: str) -> Log:
        """Return the logger for a step."""
        return Log(self.logger.name, str((self.extra or {}).get("host", "")), step)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:  # noqa: ANN401
        """Add host and step to the record."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}


class _Safe(logging.Filter):
    """Makes a record's message safe to write: secrets redacted, escaped, one line, bounded."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = redact(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {type(record.exc_info[1]).__name__}: {redact(str(record.exc_info[1]))}"
        record.msg = escape(text[:_LONGEST]) + (" …" if len(text) > _LONGEST else "")
        record.args, record.exc_info, record.exc_text, record.stack_info = (), None, None, None
        return True
