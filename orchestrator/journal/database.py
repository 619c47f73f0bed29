"""The SQLite file of the journal: one append-only table, durable at each commit."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.lock import NO_LOCKS, see_that_records_can_be_locked
from stopgap.orchestrator.text import tr

T = TypeVar("T")

SCHEMA = 1
"""Version of tables and records; a file of a newer version is refused."""
APPLICATION_ID = 0x53544750
PATIENCE = 300.0
"""Seconds of waiting for another process with the file open, such as a backup."""
_TRY = 0.2
"""Seconds of a single wait inside SQLite, short enough to react to a signal."""
_SUSPICIOUS = 3.0
"""Seconds until a test for missing locks of the file system."""
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
_MAKING = threading.Lock()
_DAMAGED = tr("damaged; each run's journal.jsonl holds what was exported")

NO_DELETE = """
CREATE TRIGGER no_delete BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
"""
_TABLES = """
CREATE TABLE records (
    run TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL,
    record TEXT NOT NULL, hash TEXT NOT NULL, UNIQUE (run, seq)
) STRICT;
CREATE INDEX kinds ON records (run, kind, seq);
CREATE TABLE heads (run TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER no_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or create the file, mode 0600: write-ahead log, an fsync at each commit.

    The connection is in autocommit mode, for one thread at a time. Raises JournalError.
    """
    with _explained(path):
        make_file(path)
        connection = sqlite3.connect(path, timeout=_TRY, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def make_file(path: Path) -> None:
    """Create a missing file, mode 0600. Raises OSError for a link, a folder, or a file that may not be written.

    A file that is there is not opened: a process that closes any descriptor of a file loses all its locks on it
    (fcntl(2)), those of a SQLite connection in another thread too. Another process would take itself for the last one
    then, and remove the write-ahead log under that connection, with whatever is written to it later.
    """
    with _MAKING:  # no other thread connects to a new file before its first descriptor is closed
        try:
            kind = path.lstat().st_mode
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            return
    if not stat.S_ISREG(kind):
        code = errno.EISDIR if stat.S_ISDIR(kind) else errno.ELOOP
        raise OSError(code, os.strerror(code), str(path))
    if not os.access(path, os.R_OK | os.W_OK):
        code = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(code, os.strerror(code), str(path))


def open_copy(path: Path) -> sqlite3.Connection:
    """Open a read-only file as a copy in memory. Raises JournalError.

    SQLite needs write access beside a file with a write-ahead log, even for a read; so file and log are copied to a
    temporary folder, deleted before the return.
    """
    import shutil  # noqa: PLC0415 - of a state folder that cannot be written
    import tempfile  # noqa: PLC0415

    with _explained(path), tempfile.TemporaryDirectory(prefix="stopgap-") as folder:
        copy = Path(folder) / path.name
        # Copy the log first: pages moved out of the log meanwhile are in the file by then.
        for suffix in ("-wal", ""):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with closing(sqlite3.connect(copy)) as source:
            _version(source, path)
            source.backup(connection)
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # SQLite does not wait for other processes on the switch to a write-ahead log, an exclusive operation.
    patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"), path)
    connection.execute("PRAGMA synchronous = FULL")
    if _version(connection, path) == 0:
        with transaction(connection, path):
            if _version(connection, path) == 0:
                for statement in _statements(_TABLES + NO_DELETE):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")


def patiently(act: Callable[[], T], path: Path) -> T:
    """Retry an operation blocked by another process, such as a backup of the file; raises sqlite3.Error.

    Raises JournalError if the file system of `path` has no locks.
    """
    began, looked = time.monotonic(), False
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - began
            # An error of Python's own module, such as text that is no UTF-8, has no code of SQLite's.
            code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code & 0xFF != sqlite3.SQLITE_BUSY or waited > PATIENCE:
                raise
            if waited > _SUSPICIOUS and not looked:
                looked = True
                see_that_records_can_be_locked(path.parent)
        time.sleep(0.02)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


_STATE = (
    "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
    " FROM pragma_application_id, pragma_user_version"
)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    # One statement sees one state of the file; another process may be making the tables at this moment.
    application, version, tables = connection.execute(_STATE).fetchone()
    if (application, version, tables) == (0, 0, 0):
        return 0
    if application != APPLICATION_ID:
        raise JournalError(tr("{path}: this is no journal of Stopgap", path=path))
    if version > SCHEMA:
        raise JournalError(
            tr(
                "{path}: written by a newer Stopgap (schema {version}, this one knows {schema}); use that one",
                path=path,
                version=version,
                schema=SCHEMA,
            )
        )
    return int(version)


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Run the block as one transaction: all on disk at the end of the block, or nothing. Raises JournalError."""
    with _explained(path):
        patiently(lambda: connection.execute("BEGIN IMMEDIATE"), path)
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def snapshot(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Run all selects of the block on one snapshot, despite concurrent writes. Raises JournalError."""
    with _explained(path):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def select(
    connection: sqlite3.Connection, path: Path, query: str, parameters: Sequence[str | int], *columns: type
) -> list[tuple[Any, ...]]:
    """Return the rows of a query, with columns of the given types; raises JournalError.

    A STRICT table guards the types of inserted values, but not of a file with altered bytes.
    """
    with _explained(path):
        rows: list[tuple[Any, ...]] = patiently(lambda: connection.execute(query, parameters).fetchall(), path)
    if any(type(value) is not column for row in rows for value, column in zip(row, columns, strict=True)):
        raise _damaged(path)
    return rows


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(tr("{path}: {error}", path=path, error=_reason(error))) from None
    except UnicodeDecodeError:  # text in the file, or in SQLite's own message about it
        raise _damaged(path) from None
    except OSError as error:
        hint = tr("; set STOPGAP_HOME to a folder that can be written") if error.errno in _NOT_WRITABLE else ""
        raise JournalError(tr("{path}: {strerror}{hint}", path=path, strerror=error.strerror, hint=hint)) from None


def _damaged(path: Path) -> JournalError:
    return JournalError(tr("{path}: {damaged}", path=path, damaged=_DAMAGED))


def _reason(error: sqlite3.Error) -> str:
    return {
        sqlite3.SQLITE_FULL: tr("the disk is full; free some space or set STOPGAP_HOME to another disk"),
        sqlite3.SQLITE_READONLY: tr("cannot be written; set STOPGAP_HOME to a folder that can"),
        sqlite3.SQLITE_CANTOPEN: tr("cannot be opened; set STOPGAP_HOME to a folder that can be written"),
        sqlite3.SQLITE_BUSY: tr("another process has held it for {patience} s", patience=f"{PATIENCE:.0f}"),
        sqlite3.SQLITE_PROTOCOL: NO_LOCKS,
        sqlite3.SQLITE_NOTADB: tr("this is no journal of Stopgap"),
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
    }.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))
