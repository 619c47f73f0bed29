"""A connection to PostgreSQL on which nothing waits for long: a database that hangs counts as lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.text import Text, tr

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
CONNECTING = 3
"""Seconds for a connection."""
PATIENCE = 3.0
"""Seconds for one act on the database; the records of a run that goes on are then written on this machine."""
LONG = 120.0
"""Seconds for a look at all runs, and for a change of the schema."""
_OPTIONS: dict[str, Any] = {
    "connect_timeout": CONNECTING,
    "application_name": "stopgap",
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "client_encoding": "UTF8",
}


class LostError(JournalError):
    """The database is out of reach: refused, gone, silent, or closed to this account. `told` says why."""

    def __init__(self, told: Text) -> None:
        self.told = told
        super().__init__(told)


class Database:
    """One connection, opened by the first act and again after a loss; for one thread at a time, others wait."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = threading.RLock()
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def act(self, act: Callable[[psycopg.Connection[tuple[Any, ...]]], T], *, seconds: float = PATIENCE) -> T:
        """Return what `act` returns on the connection, which is in autocommit mode.

        Raises LostError for a database that is out of reach or takes longer than `seconds`: whether the act was done
        is not known then. Errors of psycopg that tell of the act pass.
        """
        errors = driver()
        with self._lock:
            connection = self._opened()
            timer = threading.Timer(seconds, _cut, (connection,))
            timer.daemon = True
            timer.start()
            try:
                return act(connection)
            except (errors.OperationalError, errors.InterfaceError, *_unfit()) as error:
                self.close()
                raise self._lost(error) from None
            finally:
                timer.cancel()

    def close(self) -> None:
        """Close the connection; the next act opens another."""
        with self._lock, suppress(Exception):
            connection, self._connection = self._connection, None
            if connection:
                connection.close()

    def _opened(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = self.connect()
        return self._connection

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open another connection, in autocommit mode, for the caller to close. Raises LostError."""
        options = dict(_OPTIONS)
        if self.address.password:
            options["password"] = self.address.password.reveal()
        try:
            made: psycopg.Connection[tuple[Any, ...]] = driver().connect(self.address.url, autocommit=True, **options)
        except driver().Error as error:
            raise self._lost(error) from None
        return made

    def _lost(self, error: Exception) -> LostError:
        words = next((line.strip() for line in redact(str(error)).splitlines() if line.strip()), "")
        return LostError(
            tr("{where}: {reason}", where=self.address.shown, reason=words or tr("the connection was lost"))
        )


def driver() -> Any:  # noqa: ANN401 - a module
    """Return the module psycopg; raises JournalError where the extra `team` is not installed."""
    try:
        import psycopg  # noqa: PLC0415 - few installations have it, and its import costs time
    except ImportError:
        raise JournalError(
            tr("a journal on PostgreSQL needs the extra `team`: pip install 'stopgap[team]'")
        ) from None
    return psycopg


def _unfit() -> tuple[type[Exception], ...]:
    """Return the errors of a database without this version's journal, or of an account that may not use it."""
    kinds = driver().errors
    return (kinds.InsufficientPrivilege, kinds.UndefinedFunction, kinds.UndefinedTable, kinds.InvalidSchemaName)


def _cut(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Break a connection under the thread that waits on it."""
    with suppress(Exception), socket.socket(fileno=connection.fileno()) as wire:
        try:
            wire.shutdown(socket.SHUT_RDWR)
        finally:
            wire.detach()
