"""What earlier looks at whole runs gave, so that a list of runs need not verify and fold every record each time.

A look is remembered of a run whose records held, and counts only as long as the last record, the files beside the
records and the content of all records are those that were looked at: `orchestrator/journal/looks.py` compares. What
acts, and what shows a single run, never asks the memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from stopgap.orchestrator.journal.database import make_file
from stopgap.orchestrator.journal.head import HEAD, SIGNATURE
from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.journal.listing import RunSummary

FILE = "looked.sqlite"
_VERSION = 1
_TABLES = f"""
CREATE TABLE looks (run TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL, digest TEXT NOT NULL,
    folder TEXT NOT NULL, summary TEXT NOT NULL, gist TEXT) WITHOUT ROWID;
CREATE TABLE told (about TEXT PRIMARY KEY, key TEXT NOT NULL, found TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE compared (edits TEXT NOT NULL, at TEXT NOT NULL);
PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True)
class Look:
    """What a look at a whole run gave, whose records held."""

    end: tuple[int, str]
    """Number and hash of the last record."""
    digest: str
    """SHA-256 of all that is stored of the run."""
    folder: str
    """`folder_state` of the run's folder."""
    summary: RunSummary
    gist: Mapping[str, Any] | None = None
    """What `status` needs of the run; None where it was verified only."""

    @property
    def is_quiet(self) -> bool:
        """Return True for a run of which nothing is in force, has lapsed or may be taken back, until it goes on."""
        return self.gist is not None and self.gist.get("quiet") is True


@dataclass(frozen=True)
class Compared:
    """When the content of all records was compared last, and the text of the store that tells of edits."""

    edits: str
    at: datetime


def folder_state(folder: Path) -> str:
    """Return a text that changes whenever one of the files that vouch for a run is written, replaced or removed."""
    return " ".join(_state(folder / name) for name in (EXPORT, HEAD, SIGNATURE))


class Looked:
    """The memory of looks, in a file of the state folder. It may be lost at any time: no method raises an error."""

    def __init__(self, database: sqlite3.Connection | None) -> None:
        """Callers use `open`; None: nothing is remembered."""
        self._database = database

    @classmethod
    @contextmanager
    def open(cls, home: Path) -> Iterator[Self]:
        """Open the memory for the block; a file of another version, or a damaged one, begins anew."""
        database = None
        with suppress(sqlite3.Error, OSError):
            database = _opened(home / FILE)
        if database is None:
            yield cls(None)
            return
        with closing(database):
            yield cls(database)

    def looks(self) -> dict[str, Look]:
        """Return the remembered looks by run."""
        found: dict[str, Look] = {}
        for run, seq, digest_of_last, digest, folder, summary, gist in self._read("SELECT * FROM looks"):
            with suppress(ValueError, KeyError, TypeError):
                about = _summary(json.loads(summary))
                found[run] = Look(
                    (seq, digest_of_last), digest, folder, about, None if gist is None else json.loads(gist)
                )
        return found

    def keep(self, run: str, look: Look) -> None:
        """Remember a look in place of the earlier one, whose gist is kept where the content is the same."""
        row = (run, *look.end, look.digest, look.folder, json.dumps(asdict(look.summary), default=str))
        gist = None if look.gist is None else json.dumps(look.gist)
        known = "(SELECT gist FROM looks WHERE run = ? AND digest = ?)"
        statement = f"INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?, coalesce(?, {known}))"  # noqa: S608
        self._write(statement, [(*row, gist, run, look.digest)])

    def forget(self, runs: Sequence[str]) -> None:
        """Forget the looks at runs."""
        if runs:
            self._write("DELETE FROM looks WHERE run = ?", [(run,) for run in runs])

    def compared(self) -> Compared | None:
        """Return when the content of all records was compared last; None: never."""
        for edits, at in self._read("SELECT edits, at FROM compared"):
            with suppress(ValueError):
                return Compared(edits, datetime.fromisoformat(at))
        return None

    def note_compared(self, compared: Compared) -> None:
        """Note that the content of all records was compared."""
        self._write("DELETE FROM compared", [()])
        self._write("INSERT INTO compared VALUES (?, ?)", [(compared.edits, compared.at.isoformat())])

    def told(self) -> dict[str, tuple[str, Any]]:
        """Return what was drawn from several runs: about what → the key of the runs' records, and the result."""
        found = {}
        for about, key, result in self._read("SELECT about, key, found FROM told"):
            with suppress(ValueError):
                found[about] = (key, json.loads(result))
        return found

    def tell(self, results: Mapping[str, tuple[str, Any]]) -> None:
        """Remember what was drawn from several runs, in place of all that was drawn before."""
        self._write("DELETE FROM told", [()])
        rows = [(about, key, json.dumps(found)) for about, (key, found) in results.items()]
        self._write("INSERT INTO told VALUES (?, ?, ?)", rows)

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        with suppress(sqlite3.Error, UnicodeDecodeError):
            return self._database.execute(query).fetchall() if self._database else []
        return []

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with suppress(sqlite3.Error, UnicodeEncodeError):
            if self._database:
                self._database.execute("BEGIN IMMEDIATE")
                with self._database:
                    self._database.executemany(statement, rows)


def _opened(path: Path) -> sqlite3.Connection:
    make_file(path)
    for _ in range(2):
        database = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA synchronous = OFF")  # what is lost is looked at again
            if database.execute("PRAGMA user_version").fetchone() == (_VERSION,):
                database.execute("SELECT run, gist FROM looks LIMIT 1").fetchall()
                return database
            if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                database.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
                return database
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # held, or the disk is full
                database.close()
                raise
        database.close()
        with path.open("r+b") as file:
            file.truncate()
    raise sqlite3.DatabaseError(path.name)


def _summary(fields: Mapping[str, Any]) -> RunSummary:
    moments = {
        name: datetime.fromisoformat(fields[name]) if fields[name] else None for name in ("started", "finished")
    }
    return RunSummary(**{**fields, **moments, "targets": tuple(fields["targets"])})


def _state(path: Path) -> str:
    try:
        found = path.lstat()
    except OSError:
        return "-"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
