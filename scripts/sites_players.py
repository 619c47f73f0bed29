"""Plays what the runs of many sites do in one database, each with the statements and pauses of a real run."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

import psycopg
from sites_rig import Database

from stopgap.orchestrator.journal.chain import timestamp
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.journal.team.connection import Database as Connection
from stopgap.orchestrator.journal.team.connection import LostError
from stopgap.orchestrator.journal.team.locks import BEAT
from stopgap.orchestrator.journal.team.records import TeamTable
from stopgap.orchestrator.journal.team.schema import install
from stopgap.orchestrator.sites.queue import CUT, TASK, connection_settings, prepare, queue_of
from stopgap.orchestrator.sites.runner import DEAD_AFTER, HEARTBEAT

T = TypeVar("T")
PROCESSES = 4
_AGAIN = 1.0
"""Seconds until a run is tried again that the database refused."""
_DEFER = (
    "SELECT procrastinate_defer_jobs_v1(array_agg(ROW(site, %s, %s, router, run,"
    " jsonb_build_object('run', run), NULL)::procrastinate_job_to_defer_v1))"
    " FROM unnest(%s::text[], %s::text[], %s::text[]) AS each (run, site, router)"
)
_FETCH = "SELECT id, args FROM procrastinate_fetch_job_v2(%s::varchar[], %s)"
_TAKE = "SELECT token FROM stopgap.take(%s::text, %s::text, 'noc', %s::text, '20 s'::interval, false)"
_BEAT = "SELECT name FROM stopgap.beat(%s::text)"
_LOOK = "SELECT name, token, who FROM stopgap.locks WHERE name = ANY (%s::text[])"
_RELEASE = "SELECT stopgap.release(%s::text, %s::text[])"
_FINISH = "SELECT procrastinate_finish_job_v1(%s, 'succeeded', false)"
_REGISTER = "SELECT worker_id FROM procrastinate_register_worker_v1()"
_ALIVE = "SELECT procrastinate_update_heartbeat_v1(%s)"
_STALLED = (
    "SELECT job.id FROM procrastinate_jobs job LEFT JOIN procrastinate_workers w ON w.id = job.worker_id"
    " AND w.last_heartbeat < now() - %s * interval '1 s'"
    " WHERE job.status = 'doing' AND job.queue_name = %s AND (job.worker_id IS NULL OR w.id IS NOT NULL)"
)
_DEPTH = (
    "SELECT count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing') FROM procrastinate_jobs"
)
_LOAD = (
    "SELECT xact_commit, pg_database_size(datname), numbackends"
    " FROM pg_stat_database WHERE datname = current_database()"
)


@dataclass(frozen=True)
class Session:
    """What one real run over SSH cost."""

    records: tuple[tuple[str, str, float], ...]
    """Kind, text, seconds since the record before."""
    seconds: float
    cpu: float
    """Seconds of CPU at the site."""
    statements: int
    """Transactions in the database."""
    connections: int
    """The most at once of the run."""
    runner_connections: int
    """The most at once of its runner beside."""

    @property
    def pauses(self) -> float:
        """Return the seconds of the run itself, from plan to end."""
        return sum(pause for _, _, pause in self.records)

    @property
    def looks(self) -> int:
        """Return how many of the transactions are no append, lock or job: they are played as looks at the locks."""
        signs = round(2 * self.seconds / HEARTBEAT)  # of the runner, which are played for themselves
        return max(0, self.statements - len(self.records) - OWN - signs)

    def lasting(self, seconds: float) -> Session:
        """Return the session with its pauses drawn together, or out, to so many seconds."""
        scale = seconds / self.pauses
        return replace(self, records=tuple((kind, text, pause * scale) for kind, text, pause in self.records))


OWN = 6
"""Transactions of a played run beside its records: job fetched and finished, three locks taken, all released."""


@dataclass(frozen=True)
class Sizes:
    """What is simulated."""

    hosts: int
    sites: int
    routers: int
    slots: int
    """Runs at once at a site, over all its runners."""
    minutes: float
    """After so long the play is broken off, and tells what is left."""


@dataclass(frozen=True)
class Moment:
    """What the database shows at one time."""

    second: float
    queued: int
    working: int
    done: int
    rate: float
    """Transactions a second since the moment before."""
    connections: int
    bytes: int


@dataclass
class Played:
    """What came of a play."""

    sizes: Sizes
    moments: list[Moment]
    ordered: float
    """Seconds until all jobs were in the queue."""
    cpu: float
    """Seconds of CPU of all processes of the database."""
    appends: list[float] = field(default_factory=list)
    """Seconds of each append, sorted."""
    troubles: list[str] = field(default_factory=list)
    """What runs were told by a database that refused, or did not answer in time."""

    @property
    def rate(self) -> float:
        """Return the transactions a second over the whole play."""
        last = self.moments[-1]
        return sum(m.rate * (m.second - n) for m, n in zip(self.moments, self._starts(), strict=True)) / last.second

    def _starts(self) -> list[float]:
        return [0.0, *(moment.second for moment in self.moments[:-1])]

    def append_at(self, share: float) -> float:
        """Return the seconds that a share of the appends took at most."""
        return self.appends[min(len(self.appends) - 1, int(share * len(self.appends)))] if self.appends else 0.0

    def depth_at(self, share: float) -> int:
        """Return how many jobs were queued after a share of the time."""
        end = self.moments[-1].second
        return next(moment.queued for moment in self.moments if moment.second >= share * end)


class _Plain(Connection):
    """A connection without the timer that guards each act: thousands of timers are not what is measured here."""

    def act(self, act: Any, *, seconds: float = 0.0) -> Any:  # noqa: ANN401
        return act(self._opened())


def load_of(connection: psycopg.Connection[Any]) -> tuple[int, int, int]:
    """Return the transactions so far, the size in bytes, and the connections."""
    row = connection.execute(_LOAD).fetchone()
    assert row
    return int(row[0]), int(row[1]), int(row[2])


def simulate(database: Database, session: Session, sizes: Sizes) -> Played:
    """Put the jobs into the queue, play them, and return what was seen."""
    address = database.address
    connection = Connection(Address(address, "the play's"))
    install(connection)
    connection.close()
    prepare(address)
    began = time.monotonic()
    _order(address, sizes)
    played = Played(sizes, [], time.monotonic() - began, -database.cpu())
    context = multiprocessing.get_context("fork")
    stop, told = context.Event(), context.Queue()
    players = [
        context.Process(target=_play, args=(address, session, sizes, number, stop, told))
        for number in range(PROCESSES)
    ]
    for each in players:
        each.start()
    try:
        for moment in _watched(address, sizes):
            played.moments.append(moment)
            print(
                f"{moment.second:9.0f}{moment.queued:9}{moment.working:9}{moment.done:9}{moment.rate:9.0f}"
                f"{moment.connections:9}{moment.bytes / 1e6:9.0f}",
                flush=True,
            )
    finally:
        stop.set()
        for _ in players:
            appends, troubles = told.get()
            played.appends += appends
            played.troubles += troubles
        for each in players:
            each.join()
    played.cpu += database.cpu()
    played.appends.sort()
    return played


def _order(address: str, sizes: Sizes) -> None:
    sites = [queue_of(f"s{n % sizes.sites}") for n in range(sizes.hosts)]
    runs = [f"run{n:06d}" for n in range(sizes.hosts)]
    routers = [f"{site} edge{n // sizes.sites % sizes.routers}" for n, site in enumerate(sites)]
    with psycopg.connect(address, **connection_settings(), autocommit=True) as connection:
        connection.execute(_DEFER, (TASK, CUT, runs, sites, routers))
        connection.execute("ANALYZE")


def _watched(address: str, sizes: Sizes) -> Iterator[Moment]:
    """Yield what the database shows, every few seconds, until the queue is empty or the time is over."""
    with psycopg.connect(address, autocommit=True, **connection_settings()) as watching:
        begun = at = time.monotonic()
        last = load_of(watching)
        while True:
            until = time.monotonic() + (1.0 if sizes.hosts <= 1000 else 5.0)
            while time.monotonic() < until:
                time.sleep(0.2)
                todo, doing = watching.execute(_DEPTH).fetchone() or (0, 0)
                if not (todo or doing):
                    break
            now, moment = load_of(watching), time.monotonic()
            rate = (now[0] - last[0]) / (moment - at)
            done = sizes.hosts - todo - doing
            yield Moment(moment - begun, todo, doing, done, rate, now[2], now[1])
            last, at = now, moment
            if not (todo or doing) or moment - begun > sizes.minutes * 60:
                return


def _play(address: str, session: Session, sizes: Sizes, number: int, stop: Event, told: Any) -> None:  # noqa: ANN401
    """Play every fourth site: a thread for each slot, and one for the runner."""
    os.nice(10)
    appends: list[float] = []
    troubles: list[str] = []
    threads = []
    for site in range(number, sizes.sites, PROCESSES):
        with psycopg.connect(address, autocommit=True, **connection_settings()) as connection:
            row = connection.execute(_REGISTER).fetchone()
        worker, name = (row[0] if row else None), queue_of(f"s{site}")
        free = threading.Semaphore(0)
        jobs: queue.Queue[tuple[int, str]] = queue.Queue()
        threads.append(threading.Thread(target=_runner, args=(address, worker, name, free, jobs, stop, troubles)))
        threads += [
            threading.Thread(target=_slot, args=(address, session, free, jobs, stop, appends, troubles))
            for _ in range(sizes.slots)
        ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    told.put((appends, troubles))


def _runner(
    address: str,
    worker: int | None,
    name: str,
    free: threading.Semaphore,
    jobs: queue.Queue[tuple[int, str]],
    stop: Event,
    troubles: list[str],
) -> None:
    """Fetch jobs of a site for slots that are free, give signs of life, look for runs of dead runners."""
    with psycopg.connect(address, autocommit=True, **connection_settings()) as connection:
        beaten = 0.0
        while not stop.is_set():
            if time.monotonic() - beaten > HEARTBEAT:
                beaten = time.monotonic()
                connection.execute(_ALIVE, (worker,))
                connection.execute(_STALLED, (DEAD_AFTER, name))
            if not free.acquire(timeout=1.0):
                continue
            try:
                job = connection.execute(_FETCH, ([name], worker)).fetchone()
            except psycopg.errors.UniqueViolation as error:
                troubles.append(str(error).splitlines()[0])
                job = None
            if job and job[0] is not None:
                jobs.put((int(job[0]), str(job[1]["run"])))
            else:
                free.release()
                stop.wait(0.5)


def _slot(
    address: str,
    session: Session,
    free: threading.Semaphore,
    jobs: queue.Queue[tuple[int, str]],
    stop: Event,
    appends: list[float],
    troubles: list[str],
) -> None:
    """Carry runs on, one after the other."""
    while not stop.is_set():
        free.release()
        while not stop.is_set():
            try:
                job, run = jobs.get(timeout=1.0)
                break
            except queue.Empty:
                continue
        else:
            return
        while not stop.is_set():
            try:
                _carry(address, session, run, appends)
                with psycopg.connect(address, autocommit=True, **connection_settings()) as connection:
                    connection.execute(_FINISH, (job,))
                break
            except (psycopg.Error, LostError) as error:
                troubles.append(str(error).splitlines()[0])
                stop.wait(_AGAIN)


def _carry(address: str, session: Session, run: str, appends: list[float]) -> None:
    """Do in the database what the measured run did, with its pauses and its connections."""
    names = [f"run {run}", f"host {run}", f"router of {run}"]
    tokens: dict[str, int] = {}
    place = Address(address, "the play's")
    database, locks, *others = (_Plain(place) for _ in range(max(2, session.connections)))
    try:
        for each in others:
            each.act(lambda c: c.execute("LISTEN stopgap"))
        for name in names:
            tokens[name] = locks.act(partial(_taken, name, run))
        table, head, beaten = TeamTable(database, lambda: tokens), None, time.monotonic()
        due, looked = time.monotonic(), 0
        for number, (kind, text, pause) in enumerate(session.records, start=1):
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() - beaten > BEAT:
                beaten = time.monotonic()
                locks.act(lambda c: c.execute(_BEAT, (run,)).fetchall())
            while looked < session.looks * number // len(session.records):
                looked += 1
                locks.act(lambda c: c.execute(_LOOK, (names,)).fetchall())
            began = time.monotonic()
            made = table.append_rows(run, [(kind, timestamp(datetime.now(UTC)), text)], None, head)
            appends.append(time.monotonic() - began)
            if made:
                head = (made[-1].seq, made[-1].hash)
            # A run waits for its record before it goes on: what the database takes longer than then is added.
            due = max(due, time.monotonic())
        locks.act(lambda c: c.execute(_RELEASE, (run, names)))
    finally:
        for each in (database, locks, *others):
            each.close()


def _taken(name: str, run: str, connection: psycopg.Connection[Any]) -> int:
    row: Sequence[Any] | None = connection.execute(_TAKE, (name, run, run)).fetchone()
    return int(row[0]) if row else -1
