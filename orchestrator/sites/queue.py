"""The queue of the sites' runs: Procrastinate on PostgreSQL, in the journal's database. A job is a run's id."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal.team.address import PASSWORD
from stopgap.orchestrator.secret import Secret
from stopgap.orchestrator.sites.extra import procrastinate_, psycopg, queue_errors
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    import procrastinate

TASK = "stopgap.carry_on"
CUT, REST = 10, 0
"""Priorities: what cuts hosts off goes before everything else."""
_SCHEMES = ("postgresql://", "postgres://")
SCHEMA = "stopgap_queue"
"""Of the queue's tables."""
_PRESENT = f"SELECT to_regclass('{SCHEMA}.procrastinate_jobs') IS NOT NULL"
_GRANTS = (
    f"GRANT USAGE ON SCHEMA {SCHEMA} TO stopgap_operator, stopgap_keeper",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO stopgap_operator, stopgap_keeper",
    f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO stopgap_operator, stopgap_keeper",
)
LOCK = 0x53544F50
"""Number of the advisory lock under which the tables are made."""


@dataclass(frozen=True)
class Queued:
    """A run that waits for a runner."""

    run: str
    site: str
    lock: str
    """The router that no two runs work on at once; empty for none."""
    priority: int


def queue_address(environ: Mapping[str, str] | None = None) -> str:
    """Return the database of the queue: `$STOPGAP_QUEUE`, else that of `$STOPGAP_JOURNAL`. Raises UsageError."""
    values = os.environ if environ is None else environ
    address = values.get("STOPGAP_QUEUE") or values.get("STOPGAP_JOURNAL") or ""
    if not address.startswith(_SCHEMES):
        raise UsageError(
            tr("runners need a database: STOPGAP_JOURNAL=postgresql://…, which the machines of the team share")
        )
    return address


def queue_of(site: str) -> str:
    """Return the name of a site's queue."""
    return f"site-{site}"


def put(address: str, queued: Queued) -> bool:
    """Put a run into its site's queue; False: it is there already. Raises QueueError."""
    with _opened(address) as app:
        from procrastinate.exceptions import AlreadyEnqueued  # noqa: PLC0415 - an extra

        job = app.configure_task(
            TASK,
            allow_unknown=True,
            queue=queue_of(queued.site),
            lock=queued.lock or None,
            queueing_lock=queued.run,
            priority=queued.priority,
        )
        try:
            job.defer(run=queued.run)
        except AlreadyEnqueued:
            return False
    return True


def prepare(address: str) -> None:
    """Make the missing tables of the queue, in the schema of the queue.

    With all tables in place, an account with the right to use the tables is enough. Raises QueueError.
    """
    with queue_errors(), psycopg().connect(address, autocommit=True, **connection_settings()) as database:
        if not _present(database):
            database.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            database.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            if not _present(database):
                from procrastinate.schema import SchemaManager  # noqa: PLC0415 - an extra

                database.execute(SchemaManager.get_schema().encode())


def grant_to_team(database: Any) -> None:  # noqa: ANN401
    """Let the roles of the team's journal, which has to be installed, use all tables of the queue."""
    for grant in _GRANTS:
        database.execute(grant)


def connection_settings(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return how a connection finds the queue's tables (libpq, `options`), and the password that a reference names.

    `$STOPGAP_JOURNAL_PASSWORD` is the reference, as for the journal. Raises SecretError.
    """
    reference = (os.environ if environ is None else environ).get(PASSWORD)
    password = {"password": Secret.read(reference).reveal()} if reference else {}
    return {"options": f"-c search_path={SCHEMA}", **password}


def _present(database: Any) -> bool:  # noqa: ANN401
    return bool(database.execute(_PRESENT).fetchone()[0])


@contextmanager
def _opened(address: str) -> Iterator[procrastinate.App]:
    library = procrastinate_()
    with queue_errors():
        prepare(address)
        connector = library.SyncPsycopgConnector(conninfo=address, kwargs=connection_settings(), min_size=1)
        with library.App(connector=connector).open() as app:
            yield app
