"""Plays the database's part of many runs at many sites: what a run that was measured first did, with its pauses."""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from play_sites import Play, described, order
from sites_rig import Database, Networks, Runners, remove

from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.journal.chain import timestamp
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.journal.team.connection import Database as Connection
from stopgap.orchestrator.journal.team.locks import BEAT
from stopgap.orchestrator.journal.team.records import TeamTable
from stopgap.orchestrator.journal.team.schema import install
from stopgap.orchestrator.sites.queue import connection_settings, prepare

T = TypeVar("T")
PROCESSES = 4
_DEFER = (
    "SELECT procrastinate_defer_jobs_v1(array_agg(ROW('site-' || site, 'stopgap.carry_on', 10, router, run,"
    " jsonb_build_object('run', run), NULL)::procrastinate_job_to_defer_v1))"
    " FROM unnest(%s::text[], %s::text[], %s::text[]) AS each (run, site, router)"
)
_FETCH = "SELECT id, args FROM procrastinate_fetch_job_v2(%s::varchar[], %s)"
_TAKE = "SELECT token FROM stopgap.take(%s::text, %s::text, 'noc', %s::text, '20 s'::interval, false)"
_FINISH = "SELECT procrastinate_finish_job_v1(%s, 'succeeded', false)"
_DEPTH = (
    "SELECT count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing') FROM procrastinate_jobs"
)
_LOAD = (
    "SELECT xact_commit, pg_database_size(datname), numbackends"
    " FROM pg_stat_database WHERE datname = current_database()"
)


@dataclass(frozen=True)
class Session:
    """What one real run over SSH cost: its records with the seconds before each, and the rest of its time."""

    records: tuple[tuple[str, str, float], ...]
    """Kind, text, seconds since the record before."""
    seconds: float
    cpu: float
    """Seconds of CPU at the site."""
    statements: int
    """Transactions in the database."""
    connections: int


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


def measure(top: Path) -> Session:
    """Carry one run out with real sessions: a block on a router, files and a command on a host behind it."""
    networks = Networks(top, 1)
    database = Database(top / "measured", "sgq-db")
    try:
        os.environ |= {"STOPGAP_HOME": str(top / "home-desk"), "STOPGAP_JOURNAL": database.address}
        connection = Connection(Address(database.address, "the play's"))
        install(connection)
        connection.close()
        runners = Runners(top, networks, database)
        play = Play(top, networks, database, runners)
        inventory, runbook = described(play, 2, asks=False)
        run = order(play, runbook, inventory, ["web1"])[0]
        words = ["runner", "--site", "tokyo", "-i", str(top / "tokyo.json"), "--until-idle"]
        began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        most = [0]
        with psycopg.connect(database.address, autocommit=True) as watching:
            before = load_of(watching)
            process = subprocess.Popen(runners.words("tokyo", 0, words), env=runners.environ("tokyo", 0))
            while process.poll() is None:
                most.append(load_of(watching)[2])
                time.sleep(0.2)
            statements = load_of(watching)[0] - before[0] - len(most)
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open_journal() as journal:
            if journal.history(run).state != "ok":
                raise SystemExit("the measured run did not end well")
            entries = list(journal.records(run))
        first = entries[0].at
        records, last = [], first
        with psycopg.connect(database.address) as reading:
            texts = reading.execute(
                "SELECT kind, record FROM stopgap.records WHERE run = %s ORDER BY seq", (run,)
            ).fetchall()
        for (kind, text), entry in zip(texts, entries, strict=True):
            records.append((str(kind), str(text), (entry.at - last).total_seconds()))
            last = entry.at
        begins = next(n for n, (kind, _, _) in enumerate(records) if kind == "plan-made")
        records[begins] = (*records[begins][:2], 0.0)
        took = time.monotonic() - began
        cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        return Session(tuple(records), took, cpu, statements, max(most) - before[2])
    finally:
        database.stop()
        networks.down()


class Plain(Connection):
    """A connection without the timer that guards each act: thousands of timers are not what is measured here."""

    def act(self, act: Callable[[psycopg.Connection[tuple[Any, ...]]], T], *, seconds: float = 0.0) -> T:
        return act(self._opened())


def load_of(connection: psycopg.Connection[Any]) -> tuple[int, int, int]:
    """Return the transactions so far, the size in bytes, and the connections."""
    row = connection.execute(_LOAD).fetchone()
    assert row
    return int(row[0]), int(row[1]), int(row[2])


def simulate(address: str, session: Session, sizes: Sizes) -> list[tuple[str, ...]]:
    """Play it; return the rows of the table."""
    connection = Connection(Address(address, "the play's"))
    install(connection)
    connection.close()
    prepare(address)
    rows = [(f"s{n % sizes.sites}", f"run{n:06d}") for n in range(sizes.hosts)]
    routers = [f"{site}-edge{n // sizes.sites % sizes.routers}" for n, (site, _) in enumerate(rows)]
    began = time.monotonic()
    with psycopg.connect(address, **connection_settings(), autocommit=True) as queue:
        queue.execute(_DEFER, ([run for _, run in rows], [site for site, _ in rows], routers))
    ordered = time.monotonic() - began
    print(f"{sizes.hosts} jobs in the queue after {ordered:.1f} s", flush=True)
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    players = [
        context.Process(target=_play, args=(address, session, sizes, number, stop)) for number in range(PROCESSES)
    ]
    table: list[tuple[str, ...]] = []
    with psycopg.connect(address, autocommit=True, **connection_settings()) as watching:
        begun, last, at = time.monotonic(), load_of(watching), time.monotonic()
        for each in players:
            each.start()
        try:
            while True:
                time.sleep(max(5.0, sizes.minutes * 60 / 30))
                depth = watching.execute(_DEPTH).fetchone()
                now, moment = load_of(watching), time.monotonic()
                todo, doing = depth or (0, 0)
                rate = (now[0] - last[0]) / (moment - at)
                seconds, done = moment - begun, sizes.hosts - todo - doing
                table.append((f"{seconds:.0f}", *map(str, (todo, doing, done)), f"{rate:.0f}", f"{now[1] / 1e6:.0f}"))
                print("  ".join(f"{cell:>9}" for cell in table[-1]), flush=True)
                last, at = now, moment
                if not (todo or doing) or seconds > sizes.minutes * 60:
                    return table
        finally:
            stop.set()
            for each in players:
                each.join()


def _play(address: str, session: Session, sizes: Sizes, number: int, stop: threading.Event) -> None:
    """Play the slots of every fourth site, each in a thread of its own with the connections of one process."""
    os.nice(10)
    sites = [f"s{site}" for site in range(sizes.sites) if site % PROCESSES == number]
    threads = [
        threading.Thread(target=_slot, args=(address, session, site, stop))
        for site in sites
        for _ in range(sizes.slots)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _slot(address: str, session: Session, site: str, stop: threading.Event) -> None:
    """Take jobs of a site, one after the other, and do in the database what the measured run did."""
    with (
        contextlib.suppress(psycopg.errors.AdminShutdown),
        psycopg.connect(address, **connection_settings(), autocommit=True) as queue,
    ):
        row = queue.execute("SELECT worker_id FROM procrastinate_register_worker_v1()").fetchone()
        worker = row[0] if row else None
        database = Plain(Address(address, "the play's"))
        while not stop.is_set():
            job = queue.execute(_FETCH, ([f"site-{site}"], worker)).fetchone()
            if not job or job[0] is None:
                stop.wait(3.0)
                continue
            _carry(database, session, job[1]["run"])
            queue.execute(_FINISH, (job[0],))
        database.close()


def _carry(database: Connection, session: Session, run: str) -> None:
    """Append the records of the measured run, with its pauses, under a lock of the run, a host and a router."""
    names = [f"run {run}", f"host {run}", f"router of {run}"]
    tokens: dict[str, int] = {}
    for name in names:
        tokens[name] = database.act(partial(_taken, name, run))
    table, head, beaten = TeamTable(database, lambda: tokens), None, time.monotonic()
    for kind, text, pause in session.records:
        time.sleep(pause)
        if time.monotonic() - beaten > BEAT:
            beaten = time.monotonic()
            database.act(lambda c: c.execute("SELECT name FROM stopgap.beat(%s::text)", (run,)).fetchall())
        made = table.append_rows(run, [(kind, timestamp(datetime.now(UTC)), text)], None, head)
        if made:
            head = (made[-1].seq, made[-1].hash)
    database.act(lambda c: c.execute("SELECT stopgap.release(%s::text, %s::text[])", (run, names)))


def _taken(name: str, run: str, connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_TAKE, (name, run, run)).fetchone()
    return int(row[0]) if row else -1


def main(words: Sequence[str]) -> int:
    """Measure a session, simulate, print the table; return 1 where the queue was not empty in time."""
    parser = argparse.ArgumentParser(prog="scripts/sites --simulate", description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000, metavar="COUNT", help="default: 1000")
    parser.add_argument("--sites", type=int, default=20, metavar="COUNT", help="default: 20")
    parser.add_argument("--routers", type=int, default=10, metavar="COUNT", help="of each site; default: 10")
    parser.add_argument("--slots", type=int, default=8, metavar="COUNT", help="runs at once at each site; default: 8")
    parser.add_argument("--minutes", type=float, default=5.0, help="break off after so long; default: 5")
    asked = parser.parse_args(words)
    sizes = Sizes(asked.hosts, asked.sites, asked.routers, asked.slots, asked.minutes)
    os.nice(5)
    top = Path(tempfile.mkdtemp(prefix="stopgap-sites-"))
    top.chmod(0o755)
    for name in ("measured", "db", "files"):
        (top / name).mkdir(mode=0o700 if name != "files" else 0o755)
    try:
        session = measure(top)
        print(
            f"measured: a run of {session.seconds:.1f} s, {session.cpu:.1f} s of CPU at the site,"
            f" {len(session.records)} records of {sum(len(t) for _, t, _ in session.records)} bytes,"
            f" {sum(pause for _, _, pause in session.records):.1f} s of it in sessions,"
            f" {session.statements} transactions, {session.connections} connections at most"
        )
        database = Database(top / "db", settings="-c shared_buffers=256MB -c max_connections=500")
        try:
            print(f"{sizes}\n  second     queued    at work       done      tx/s        MB")
            table = simulate(database.address, session, sizes)
        finally:
            database.stop()
    finally:
        remove(top)
    rates = [float(row[4]) for row in table]
    left = int(table[-1][1]) + int(table[-1][2])
    done = sizes.hosts - left
    print(json.dumps({"done": done, "left": left, "seconds": float(table[-1][0]), "most tx/s": max(rates)}))
    print(f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())}")
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
