"""Plays the database's part of many runs at many sites: what a run that was measured first did, with its pauses."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psycopg
from play_sites import Play, described, order
from sites_players import Played, Session, Sizes, load_of, simulate
from sites_rig import Database, Networks, Runners, remove

from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.journal.team.connection import Database as Connection
from stopgap.orchestrator.journal.team.schema import install

_CONNECTED = (
    "SELECT count(*) FILTER (WHERE application_name = 'stopgap'),"
    " count(*) FILTER (WHERE application_name <> 'stopgap')"
    " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_SETTINGS = "-c shared_buffers=512MB -c max_connections={connections}"
_COLUMNS = (
    "hosts", "at once", "in the queue after", "seconds", "runs/s", "transactions/s", "most/s",
    "queued at 25, 50, 75 %", "append, median", "99 %", "slowest", "connections", "database, CPU s", "database, MB",
)  # fmt: skip


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
        own = its = looks = 0
        with psycopg.connect(database.address, autocommit=True) as watching:
            before = load_of(watching)
            process = subprocess.Popen(runners.words("tokyo", 0, words), env=runners.environ("tokyo", 0))
            while process.poll() is None:
                seen = watching.execute(_CONNECTED).fetchone() or (0, 0)
                own, its, looks = max(own, seen[0]), max(its, seen[1]), looks + 1
                time.sleep(0.1)
            time.sleep(1.5)  # a backend that ends tells its counts by then
            statements = load_of(watching)[0] - before[0] - looks - 1
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
        return Session(tuple(records), took, cpu, statements, own, its)
    finally:
        database.stop()
        networks.down()


def main(words: Sequence[str]) -> int:
    """Measure a session, simulate each size, print the table; return 1 where a queue was not empty in time."""
    parser = argparse.ArgumentParser(prog="scripts/sites --simulate", description=__doc__)
    parser.add_argument(
        "--hosts", type=_counts, default=(100, 1000, 10_000), metavar="COUNT,…", help="default: 100,1000,10000"
    )
    parser.add_argument("--sites", type=int, default=20, metavar="COUNT", help="default: 20")
    parser.add_argument("--routers", type=int, default=10, metavar="COUNT", help="of each site; default: 10")
    parser.add_argument(
        "--slots", type=_counts, default=(8,), metavar="COUNT,…", help="runs at once at each site; default: 8"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="COUNT",
        help="what a run lasts without its waits for the database; default: as measured",
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="break a size off after so long; default: 9")
    asked = parser.parse_args(words)
    top = Path(tempfile.mkdtemp(prefix="stopgap-sites-"))
    top.chmod(0o755)
    for name in ("measured", "files"):
        (top / name).mkdir(mode=0o700 if name != "files" else 0o755)
    played: list[Played] = []
    try:
        session = measure(top)
        was = session.pauses
        print(
            f"measured: a run of {session.seconds:.1f} s, {session.pauses:.1f} s of it from its plan to its end,"
            f" {session.cpu:.1f} s of CPU at the site, {len(session.records)} records of"
            f" {sum(len(text) for _, text, _ in session.records)} bytes, {session.statements} transactions,"
            f" {session.connections} connections at most, and {session.runner_connections} of its runner"
        )
        if asked.seconds:
            session = session.lasting(asked.seconds)
            print(f"played: with its pauses at {asked.seconds / was:.2f} of that, {asked.seconds:.1f} s")
        for hosts in asked.hosts:
            for slots in asked.slots:
                sizes = Sizes(hosts, asked.sites, asked.routers, slots, asked.minutes)
                played.append(_played(top, session, sizes))
    finally:
        remove(top)
    print("\n| " + " | ".join(_COLUMNS) + " |\n" + "|---" * len(_COLUMNS) + "|")
    for each in played:
        print("| " + " | ".join(_row(each)) + " |")
    for each in played:
        for trouble, count in Counter(each.troubles).most_common(3):
            print(f"{each.sizes.hosts} hosts, {count} times: {trouble}")
    return int(any(each.moments[-1].done < each.sizes.hosts for each in played))


def _played(top: Path, session: Session, sizes: Sizes) -> Played:
    """Play one size in a database of its own, with as many connections as real runners and runs have."""
    most = sizes.sites * (sizes.slots * (session.connections + 1) + session.runner_connections) + 50
    (top / "db").mkdir(mode=0o700)
    database = Database(top / "db", settings=_SETTINGS.format(connections=most))
    try:
        print(f"\n{sizes}, max_connections={most}")
        print("   second   queued  at work     done     tx/s    conns       MB")
        return simulate(database, session, sizes)
    finally:
        database.stop()
        remove(top / "db")
        print(f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())}", flush=True)


def _row(played: Played) -> tuple[str, ...]:
    sizes, last = played.sizes, played.moments[-1]
    left = sizes.hosts - last.done
    return (
        f"{sizes.hosts:,}", f"{sizes.sites} × {min(sizes.slots, sizes.routers)}", f"{played.ordered:.1f} s",
        f"{last.second:.0f}" + (f" ({left:,} left)" if left else ""), f"{last.done / last.second:.1f}",
        f"{played.rate:.0f}", f"{max(moment.rate for moment in played.moments):.0f}",
        ", ".join(f"{played.depth_at(share):,}" for share in (0.25, 0.5, 0.75)),
        f"{1000 * played.append_at(0.5):.0f} ms", f"{1000 * played.append_at(0.99):.0f} ms",
        f"{1000 * played.append_at(1.0):.0f} ms", str(max(moment.connections for moment in played.moments)),
        f"{played.cpu:.0f}", f"{last.bytes / 1e6:.0f}",
    )  # fmt: skip


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
