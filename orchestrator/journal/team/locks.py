"""The locks of a team: rows with a heartbeat and a rising token, beside the file locks of the state folder."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.journal.failure import JournalError, RunHeldError
from stopgap.orchestrator.journal.locks import RunLocks
from stopgap.orchestrator.journal.team.connection import Database, LostError
from stopgap.orchestrator.journal.team.records import FencedError
from stopgap.orchestrator.text import Text, tr

if TYPE_CHECKING:
    import psycopg

LEASE = timedelta(seconds=20)
"""After so long without a heartbeat, by the clock of the database, another machine may take a lock."""
BEAT = 5.0
"""Seconds between two heartbeats."""
NEVER = -1
"""A token that no lock has."""
_TAKE = "SELECT taken, token, who, since FROM stopgap.take(%s::text, %s::text, %s::text, %s::text, %s::interval, %s)"
_BEAT = "SELECT name, token FROM stopgap.beat(%s::text)"
_TOKENS = "SELECT name, token, who FROM stopgap.locks WHERE name = ANY (%s::text[])"
_TEAM = "SELECT substr(md5('stopgap team ' || at::text), 1, 16) FROM stopgap.migrations WHERE number = 1"
_RELEASE = "SELECT stopgap.release(%s::text, %s::text[])"
_HELD = (
    "SELECT name FROM stopgap.locks WHERE holder IS NOT NULL AND holder <> %s AND home <> %s"
    " AND NOT stopgap.lapsed(beat, %s) AND name = ANY (%s)"
)


@dataclass(frozen=True)
class Holder:
    """The holder of locks, as others are told of a process."""

    who: str
    """`user@machine`."""
    home: str
    """Names machine and state folder."""


class TeamLocks:
    """The locks that this process holds; file locks guard the state folder, rows guard against other machines.

    Where the database is out of reach, the file locks alone hold, and the rows as they were.
    """

    def __init__(self, runs: Path, database: Database, holder: Holder, *, lost: Callable[[LostError], None]) -> None:
        """`lost` is told of a database out of reach."""
        self._files = RunLocks(runs)
        self._database = database
        self._holder = holder
        self._id = secrets.token_hex(8)
        self._lost = lost
        self._lock = threading.Lock()
        self._tokens: dict[str, int] = {}
        self._wanted: set[str] = set()
        """Locks that were taken while the database was out of reach."""
        self._team = ""
        self._stop = threading.Event()
        self._beating: threading.Thread | None = None

    def fences(self) -> Mapping[str, int]:
        """Return the names and tokens of the locks held in the database; a token rises with each taking."""
        with self._lock:
            return dict(self._tokens)

    def take(self, run: str, folder: Path, *, over: bool = False) -> bool:
        """Take the lock of a run: see `Locks`. Raises RunHeldError with the holder on another machine."""
        if not self._files.take(run, folder):
            return False
        try:
            held = self._take(_of_run(run), over=over)
        except BaseException:
            self._files.release(run)
            raise
        if held:
            self._files.release(run)
            raise RunHeldError(
                tr(
                    "{held} is at work on run {run}; if that machine is dead, its lock lapses within {lease} s",
                    held=held,
                    run=run,
                    lease=int(LEASE.total_seconds()),
                )
            )
        return True

    def mark_begun(self, run: str) -> None:
        """Note in the run's folder that the journal has a record of the run."""
        self._files.mark_begun(run)

    def release(self, run: str) -> None:
        """Release the lock of a run."""
        self._release([_of_run(run)])
        self._files.release(run)

    def release_all(self) -> None:
        """Release every lock."""
        self._stop.set()
        self._release([*self.fences()])
        self._files.release_all()
        self._database.close()

    def is_mine(self, run: str) -> bool:
        """Return True if this process holds the lock."""
        return self._files.is_mine(run)

    def is_elsewhere(self, run: str) -> bool:
        """Return True if another process, of any machine, holds the lock."""
        return run in self.elsewhere([run])

    def elsewhere(self, runs: Iterable[str]) -> set[str]:
        """Return those of the runs whose lock another process holds."""
        asked = list(runs)
        here = self._files.elsewhere(asked)
        names = {_of_run(run): run for run in asked if run not in here and not self.is_mine(run)}
        values = (self._id, self._holder.home, LEASE, list(names))
        with suppress(LostError):
            found = self._database.act(lambda c: c.execute(_HELD, values).fetchall()) if names else []
            return here | {names[name] for (name,) in found}
        return here

    def claim(self, name: str, *, over: bool = False) -> Text | None:
        """Claim a thing, such as a router, against other machines; return the holder if one holds it.

        `over`: take it from any holder.
        """
        return self._take(name, over=over)

    def disclaim(self, name: str) -> None:
        """Release a claim."""
        self._release([name])

    def is_held_here(self, run: str) -> bool:
        """Return True if another process of this state folder holds the lock."""
        return self._files.is_elsewhere(run)

    def beat(self) -> None:
        """Renew every lock, and take those in the database that were taken while the database was out of reach.

        A lock that another has taken meanwhile keeps the token of this process, or gets one that never was, so that
        the next append fails. Raises LostError.
        """
        with self._lock:
            wanted = set(self._wanted)
        if wanted or self.fences():
            self._database.act(lambda c: c.execute(_BEAT, (self._id,)).fetchall())
        for name in wanted:
            values = (name, self._id, self._holder.who, self._holder.home, LEASE, False)
            found = self._database.act(partial(_fetched, _TAKE, values))
            with self._lock:
                if name in self._wanted:
                    self._wanted.discard(name)
                    self._tokens[name] = int(found[1]) if found[0] else NEVER

    def team(self, name: str) -> str:
        """Return what names the team, for a claim that its database holds: see `Locks`."""
        if self.fences().get(name, NEVER) == NEVER:
            return ""
        with suppress(LostError):
            self._team = self._team or str(self._database.act(partial(_fetched, _TEAM, ()))[0])
        return self._team

    def assure(self) -> bool:
        """See, by one look into the database, that every lock is still of this process: see `Locks`."""
        fences = self.fences()
        if not fences:
            return True
        try:
            rows = self._database.act(lambda c: c.execute(_TOKENS, ([*fences],)).fetchall())
        except LostError as error:
            self._lost(error)
            return False
        found = {str(name): (int(token), str(who)) for name, token, who in rows}
        for name, token in fences.items():
            now, who = found.get(name, (NEVER, ""))
            if now != token:
                raise FencedError(
                    tr("{who} took over the lock {name}; this process does nothing more", who=who, name=name)
                )
        return True

    def _take(self, name: str, *, over: bool) -> Text | None:
        values: tuple[Any, ...] = (name, self._id, self._holder.who, self._holder.home, LEASE, over)
        try:
            found = self._database.act(lambda c: c.execute(_TAKE, values).fetchone())
        except LostError as error:
            with self._lock:
                self._wanted.add(name)
            self._lost(error)
            return None
        if not found:
            raise JournalError(tr("{where}: no answer", where=self._database.address.shown))
        taken, token, who, since = found
        if not taken:
            return tr("{who} since {since}", who=who, since=_shown(since))
        with self._lock:
            self._tokens[name] = int(token)
        self._begin_to_beat()
        return None

    def _begin_to_beat(self) -> None:
        with self._lock:
            if self._beating is None:
                self._beating = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)
                self._beating.start()

    def _release(self, names: list[str]) -> None:
        with self._lock:
            self._wanted.difference_update(names)
            mine = [name for name in names if self._tokens.pop(name, None) is not None]
        if mine:
            with suppress(JournalError):  # out of reach: the row lapses
                self._database.act(lambda c: c.execute(_RELEASE, (self._id, mine)))

    def _beat_on(self) -> None:
        while not self._stop.wait(BEAT):
            try:
                self.beat()
            except LostError as error:
                self._lost(error)
            except JournalError:
                continue


def _fetched(query: str, values: tuple[Any, ...], connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    return connection.execute(query, values).fetchone() or (False, NEVER)


def _of_run(run: str) -> str:
    return f"run {run}"


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
