"""The rate of a site: how many runs that cut nothing off its runners begin in a time, all together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.sites.extra import psycopg, queue_errors
from stopgap.orchestrator.sites.queue import LOCK, SCHEMA, connection_settings, grant_to_team
from stopgap.orchestrator.text import tr

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_RATE = re.compile(rf"([1-9][0-9]{{0,5}})/({'|'.join(_UNITS)})", re.ASCII)
_PRESENT = f"SELECT to_regprocedure('{SCHEMA}.turn(text, text, integer, interval)') IS NOT NULL"
TURN = f"SELECT {SCHEMA}.turn(%(site)s::text, %(run)s::text, %(count)s::integer, %(period)s::interval) AS seconds"
# A run gets its turn once, in order: not before the one COUNT places before it is a period ago. The turn is kept,
# since a run that waits for a person or a router is tried again and again.
_MADE = f"""
CREATE TABLE IF NOT EXISTS {SCHEMA}.begun (
    site text NOT NULL, run text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (site, run));
CREATE OR REPLACE FUNCTION {SCHEMA}.turn(of_site text, of_run text, most integer, period interval)
    RETURNS double precision LANGUAGE plpgsql SET search_path = {SCHEMA}, pg_catalog AS $$
DECLARE mine timestamptz; earlier timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('stopgap rate ' || of_site, 0));
    DELETE FROM begun WHERE site = of_site AND at < clock_timestamp() - greatest(period, interval '30 days');
    SELECT at INTO mine FROM begun WHERE site = of_site AND run = of_run;
    IF mine IS NULL THEN
        SELECT at INTO earlier FROM begun WHERE site = of_site ORDER BY at DESC OFFSET most - 1 LIMIT 1;
        mine := greatest(clock_timestamp(), earlier + period);
        INSERT INTO begun VALUES (of_site, of_run, mine);
    END IF;
    RETURN greatest(0, extract(epoch FROM mine - clock_timestamp()));
END $$;
"""  # noqa: S608 - names of this module


@dataclass(frozen=True)
class Rate:
    """So many runs in so many seconds."""

    count: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> Rate:
        """Read `30/min`; raises UsageError.

        >>> Rate.read("30/min")
        Rate(count=30, seconds=60)
        """
        found = _RATE.fullmatch(text)
        if found is None:
            raise UsageError(
                tr("--rate {text}: expected a count and a time, such as 30/min, 2/s or 100/h", text=text)
            )
        return cls(int(found[1]), _UNITS[found[2]])

    def asked(self, site: str, run: str) -> dict[str, Any]:
        """Return the values of TURN, which gives the seconds until a run of the site may begin."""
        return {"site": site, "run": run, "count": self.count, "period": f"{self.seconds} seconds"}


def prepare_rate(address: str, *, for_team: bool = False) -> None:
    """Make what a rate needs beside the queue's tables, where it is missing.

    Where it is there, an account that may use it is enough. `for_team`: let the roles of the team's journal use all
    tables of the queue. Raises QueueError.
    """
    with queue_errors(), psycopg().connect(address, autocommit=True, **connection_settings()) as database:
        if not database.execute(_PRESENT).fetchone()[0]:
            database.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            database.execute(_MADE.encode())
        if for_team:
            grant_to_team(database)
