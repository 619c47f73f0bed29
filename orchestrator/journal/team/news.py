"""News of the database: told as soon as anybody appends a record (LISTEN and NOTIFY)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.journal.team.connection import PATIENCE, Database

if TYPE_CHECKING:
    import psycopg

AT_LEAST = 5.0
"""Seconds after which the journal is read again without news: a lock that lapses sends none."""


class News:
    """A connection that listens; for one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listening: object = None
        self._told = 0.0

    def wait(self, seconds: float) -> bool:
        """Wait for a record of anybody, at most so long; return True if there may be some. Raises LostError.

        The first call returns True at once: what came before it was not heard.
        """
        return self._database.act(lambda connection: self._heard(connection, seconds), seconds=seconds + PATIENCE)

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def _heard(self, connection: psycopg.Connection[Any], seconds: float) -> bool:
        if self._listening is not connection:
            connection.execute("LISTEN stopgap")
            self._listening = connection
            self._told = time.monotonic()
            return True
        heard = any(True for _ in connection.notifies(timeout=seconds, stop_after=1))
        if heard or time.monotonic() - self._told > AT_LEAST:
            self._told = time.monotonic()
            return True
        return False
