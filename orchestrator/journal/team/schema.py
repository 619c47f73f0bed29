"""The schema of a team's journal: numbered migrations, each applied once, in order, in one transaction."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.team.connection import LONG, Database, LostError, driver
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from psycopg import Connection

_FOLDER = Path(__file__).with_name("schema")
ROLES = ("stopgap_viewer", "stopgap_operator", "stopgap_keeper")
"""May read; may also append, and lock; may also prune."""
_SCHEMA = "CREATE SCHEMA IF NOT EXISTS stopgap"
_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS stopgap.migrations "
    "(number integer PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
)
_READ = f"GRANT SELECT ON stopgap.migrations TO {', '.join(ROLES)}"
_ROLE = "DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
_PRESENT = "SELECT to_regclass('stopgap.migrations') IS NOT NULL"
_VERSION = "SELECT coalesce(max(number), 0) FROM stopgap.migrations"


def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return number, name and SQL of each migration, in order."""
    found = [(re.fullmatch(r"(\d+)-(.+)\.sql", path.name), path) for path in _FOLDER.iterdir()]
    return tuple(sorted((int(name[1]), name[2], path.read_text()) for name, path in found if name))


VERSION = max(int(path.name.partition("-")[0]) for path in _FOLDER.glob("*.sql"))
"""The version of the schema that this Stopgap writes."""


def version(connection: Connection[Any]) -> int:
    """Return the schema's version in the database; 0 without a journal."""
    if not _one(connection, _PRESENT):
        return 0
    return int(_one(connection, _VERSION))


def see_that_it_fits(connection: Connection[Any], where: str) -> None:
    """Raise LostError for a database without a journal, or of another version: nothing can be written there."""
    found = version(connection)
    if found == 0:
        raise LostError(tr("{where}: no journal is there; `stopgap journal install` makes one", where=where))
    if found < VERSION:
        raise LostError(
            tr(
                "{where}: schema {found}, this Stopgap needs {version}; `stopgap journal install` brings it there",
                where=where,
                found=found,
                version=VERSION,
            )
        )
    if found > VERSION:
        raise LostError(
            tr(
                "{where}: written by a newer Stopgap (schema {found}, this one knows {version}); use that one",
                where=where,
                found=found,
                version=VERSION,
            )
        )


def install(database: Database, *, until: int = VERSION) -> tuple[int, int]:
    """Create or migrate the journal, with the roles; return the version before and after.

    The account has to own the schema, or may create it and roles. `until`: stop at this version. Raises JournalError.
    """
    psycopg = driver()

    def act(connection: Connection[Any]) -> tuple[int, int]:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('stopgap install', 0))")
            before = version(connection)
            if before == 0:
                for role in ROLES:
                    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                        connection.execute(_ROLE.format(role=role))
                for statement in (_SCHEMA, _VERSIONS, _READ):
                    connection.execute(statement)
            for number, name, text in migrations():
                if before < number <= until:
                    connection.execute(text)
                    connection.execute("INSERT INTO stopgap.migrations VALUES (%s, %s)", (number, name))
            return before, version(connection)

    try:
        return database.act(act, seconds=LONG)
    except psycopg.Error as error:
        where = database.address.shown
        raise JournalError(tr("{where}: {reason}", where=where, reason=str(error).splitlines()[0])) from None


def _one(connection: Connection[Any], query: str) -> Any:  # noqa: ANN401
    found = connection.execute(query).fetchone()
    return found[0] if found else None
