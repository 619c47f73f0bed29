"""Plays two sites with two runners each: runners killed at every stage, the database too, networks cut, an undo."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sites_rig import EDGE, LAN, RUNNERS, SITES, Database, Networks, Runners, remove, wait_until

from stopgap.orchestrator.inventory import Inventory, load_inventory
from stopgap.orchestrator.journal import History, open_journal
from stopgap.orchestrator.journal.records import Answered
from stopgap.orchestrator.journal.team.address import Address
from stopgap.orchestrator.journal.team.connection import Database as Connection
from stopgap.orchestrator.journal.team.schema import install
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.order import order_here
from stopgap.orchestrator.run.undo_run import UndoRequested
from stopgap.orchestrator.runbook import Runbook, load_runbook
from stopgap.orchestrator.sites.ordering import order_at_sites
from stopgap.orchestrator.sites.undoing import order_undo, undone

STAGES = (
    "run-queued",
    "plan-made",
    "step-started",
    "change-intended",
    "change-made",
    "check-judged",
    "step-finished",
    "asked",
    "answered",
)
"""The record after which a runner is killed: from the taking of a run to what follows an answer."""
WAITING = ("asked", "run-paused")
"""The last record of a run that waits for an answer, by its process or without one."""
WHOLE = 10
"""Targets of the one order over both sites."""
_NEXT = "SELECT at FROM stopgap.records WHERE run = %s AND number > %s AND kind <> 'answered' ORDER BY number LIMIT 1"
_LAST = (
    "SELECT r.run, r.kind, r.number FROM stopgap.heads h JOIN stopgap.records r ON (r.run, r.seq) = (h.run, h.seq)"
    " WHERE r.run = ANY (%s)"
)


@dataclass
class Play:
    """One play, with what has been ordered and seen."""

    top: Path
    networks: Networks
    database: Database
    runners: Runners
    begun: float = field(default_factory=time.monotonic)
    runs: dict[str, str] = field(default_factory=dict)
    """Run → site."""
    taken: list[float] = field(default_factory=list)
    """Seconds from each blow until somebody else went on with the run."""
    answering: float = 15.0
    """Seconds between two answers at a site."""
    silent: set[str] = field(default_factory=set)
    """Sites whose questions are left."""
    _answered: dict[str, float] = field(default_factory=dict)

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.begun:6.0f} s  {text}", flush=True)

    def last(self) -> dict[str, tuple[str, int]]:
        """Return run → kind and number of its last record."""
        with psycopg.connect(self.database.address, autocommit=True) as connection:
            rows = connection.execute(_LAST, (list(self.runs),)).fetchall()
        return {run: (kind, number) for run, kind, number in rows}

    def histories(self) -> list[History]:
        with open_journal() as journal:
            return [journal.history(run) for run in self.runs]

    def tick(self) -> dict[str, tuple[str, int]]:
        """Answer a question of each site that is due; return the last records."""
        last = self.last()
        for site in SITES:
            due = time.monotonic() - self._answered.get(site, 0.0) >= self.answering and site not in self.silent
            waiting = [run for run, (kind, _) in last.items() if kind in WAITING and self.runs[run] == site]
            if due and waiting:
                self._answered[site] = time.monotonic()
                self.answer(waiting if self.answering == 0 else waiting[:1])
        return last

    def answer(self, runs: list[str]) -> None:
        with open_journal() as journal:
            for run in runs:
                for asked in journal.history(run).waiting:
                    question = asked.question.text
                    record = Answered(step=asked.step, target=asked.target, question=question, answer="yes", by="noc")
                    journal.append(run, record)

    def at(self, site: str, kind: str) -> tuple[str, tuple[str, int]]:
        """Wait until a run of the site stands behind a record of a kind; return the run and its runner."""
        found: list[tuple[str, tuple[str, int]]] = []

        def holds() -> bool:
            for run, (seen, _) in self.tick().items():
                if seen == kind and self.runs[run] == site and (key := self.runners.working_on(run)):
                    found.append((run, key))
                    return True
            return False

        self.silent |= {site} if kind == "asked" else set()
        wait_until(holds, f"a run at {site} behind {kind}", 0.05)
        return found[0]

    def strike(self, site: str, kind: str) -> Callable[[], None]:
        """Kill the runner of a run behind a record of a kind; return what waits for the takeover."""
        run, key = self.at(site, kind)
        self.runners.kill(key)
        struck, (stood, number) = datetime.now(UTC), self.last()[run]
        self.say(f"kill -9 of runner {key[0]}-{key[1]}, its run behind {stood}")
        return lambda: self.await_takeover(run, number, struck, lambda: self.runners.start(*key))

    def await_takeover(self, run: str, number: int, struck: datetime, then: Callable[[], None]) -> None:
        """Wait until somebody has gone on with a run, and note how long it took."""
        found: list[str] = []

        def gone_on() -> bool:
            self.tick()
            with psycopg.connect(self.database.address, autocommit=True) as connection:
                row = connection.execute(_NEXT, (run, number)).fetchone()
            found.extend(row or ())
            return bool(row)

        wait_until(gone_on, f"another runner goes on with {run}", 0.2)
        self.silent.discard(self.runs[run])
        self.taken.append((datetime.fromisoformat(found[0]) - struck).total_seconds())
        self.say(f"          {run} is carried on by another, after {self.taken[-1]:.0f} s")
        then()


def main() -> int:
    """Play, and print a table; return 0 if nothing was lost, nothing done twice, and all ended well."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--targets", type=int, default=40, metavar="COUNT", help="of both sites together; default: 40")
    words.add_argument("--keep", action="store_true", help="leave the folder with logs and homes")
    asked = words.parse_args()
    if asked.targets <= WHOLE + len(STAGES):
        words.error(f"more than {WHOLE + len(STAGES)} targets")
    top = Path(tempfile.mkdtemp(prefix="stopgap-sites-"))
    top.chmod(0o755)
    (top / "db").mkdir(mode=0o700)
    (top / "files").mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: print(top) if asked.keep else remove(top))
        networks = Networks(top, asked.targets // len(SITES) + 1)
        stack.callback(networks.down)
        database = Database(top / "db", "sgq-db", "-F")
        stack.callback(database.stop)
        here = {"STOPGAP_HOME": str(top / "home-desk"), "STOPGAP_JOURNAL": database.address}
        os.environ |= here
        connection = Connection(Address(database.address, "the play's"))
        install(connection)
        connection.close()
        runners = Runners(top, networks, database)
        stack.callback(runners.stop)
        return play(Play(top, networks, database, runners), asked.targets)


def play(play: Play, count: int) -> int:
    """Order the runs, strike while they go, and look at what came of it."""
    inventory, runbook = described(play, count)
    names = [name for name in inventory.hosts if not name.startswith("edge")]
    for name in names[WHOLE:]:
        order(play, runbook, inventory, [name])
    play.say(f"{len(play.runs)} runs are ordered at {len(SITES)} sites")
    for site in SITES:
        for number in range(RUNNERS):
            play.runners.start(site, number)
    for first, second in zip(STAGES[::2], [*STAGES[1::2], STAGES[3]], strict=True):
        waits = [play.strike(site, kind) for site, kind in zip(SITES, (first, second), strict=True)]
        for wait in waits:
            wait()

    play.database.kill()
    play.say("kill -9 of the database")
    time.sleep(8)
    play.database.start()
    play.say("the database is back")

    whole = order(play, runbook, inventory, names[:WHOLE])
    play.say(f"one order over {len(whole)} sites, {WHOLE} targets")
    lost = cut_off(play)
    asleep(play)
    play.answering = 0.0
    wait_until(lambda: all(kind == "run-finished" for kind, _ in play.tick().values()), "every run has ended", 0.5)
    play.say("every run has ended")
    told = subprocess.run(
        [sys.executable, "-c", "from stopgap.orchestrator.cli import main; main(['show', 'last'])"],
        capture_output=True,
        text=True,
        env={**os.environ},
    ).stdout
    verdict = next((line for line in told.splitlines() if "sites together" in line), "no verdict")
    before = counts(play, names)
    undo_code = undo(play, whole)
    return table(play, names, before, verdict, undo_code, lost)


def described(play: Play, count: int, *, asks: bool = True) -> tuple[Inventory, Runbook]:
    """Write the desk's inventory, which has no login, that of each site, and the runbook."""
    hosts: dict[str, dict[str, object]] = {}
    for site in SITES:
        hosts[f"edge-{site}"] = {"address": EDGE, "site": site, "driver": "nftables", "may_block": [LAN]}
    for number in range(count):
        site = SITES[number % len(SITES)]
        address = Networks.target(number // len(SITES))
        hosts[f"web{number}"] = {"address": address, "site": site, "upstream": f"edge-{site}"}
    (play.top / "desk.json").write_text(json.dumps({"hosts": hosts}))
    (play.top / "known_hosts").write_text(play.networks.known_hosts())
    login = {"user": "root", "identity": str(play.top / "identity"), "known_hosts": str(play.top / "known_hosts")}
    for site in SITES:
        own = {
            name: {k: v for k, v in host.items() if k != "site"}
            for name, host in hosts.items()
            if host["site"] == site
        }
        (play.top / f"{site}.json").write_text(json.dumps({"defaults": login, "hosts": own}))
    path = f"{play.top / 'files'}/{{{{ target.name }}}}"
    line = f"echo line >>{path}.lines && touch {path}.done"
    steps = [
        {"id": "cut", "task": "traffic.block", "with": {"expires": "1h", "allow": ["10.1.0.0/26"]}},
        {"id": "first", "task": "host.file", "with": {"path": f"{path}.first", "content": "done\n"}},
        {"id": "ask", "task": "checkpoint", "with": {"ask": "Go on?", "reason": "the play waits here"}},
        {
            "id": "line",
            "task": "host.command",
            "with": {"argv": ["sh", "-c", line], "creates": f"{path}.done", "undo": ["rm", "-f", f"{path}.done"]},
        },
        {"id": "last", "task": "host.file", "with": {"path": f"{path}.last", "content": "done\n"}},
    ]
    if not asks:
        steps = [step for step in steps if step["id"] != "ask"]
    (play.top / "runbook.json").write_text(json.dumps({"name": "Cut off and change", "steps": steps}))
    return load_inventory(play.top / "desk.json"), load_runbook(play.top / "runbook.json")


def order(play: Play, runbook: Runbook, inventory: Inventory, names: list[str]) -> list[str]:
    """Order a run for hosts; return its runs, one a site."""
    wanted = order_here(runbook, inventory, inventory.select(names), {})
    with open_journal() as journal:
        made = list(order_at_sites(journal, play.database.address, wanted, "auto", Gate(), "noc"))
    play.runs |= {each.run: each.site for each in made}
    return [each.run for each in made]


def cut_off(play: Play) -> int:
    """Cut a runner with a waiting run off the database until another has taken the run over, and mend it then.

    Return 1 where the runner that comes back does not say that it lost the run.
    """
    run, key = play.at("tokyo", "asked")
    number, struck = play.last()[run][1], datetime.now(UTC)
    play.networks.cut(*key)
    play.say(f"the network between runner {key[0]}-{key[1]} and the database is cut")
    play.await_takeover(run, number, struck, lambda: play.networks.mend(*key))
    log = play.top / f"home-{key[0]}-{key[1]}" / "runs" / run / "runner.log"

    def says() -> bool:
        play.tick()
        return "took over the lock" in log.read_text()

    wait_until(says, f"the runner that was cut off says so: {log}")
    play.say("          mended; the first one says that it lost the run")
    return 0


def asleep(play: Play) -> None:
    """Stop a runner with its runs until another has taken a run over, and let it come back."""
    run, key = play.at("osaka", "asked")
    number, struck = play.last()[run][1], datetime.now(UTC)
    play.runners.signal(key, signal.SIGSTOP)
    play.say(f"runner {key[0]}-{key[1]} is stopped, and thought dead")
    play.await_takeover(run, number, struck, lambda: play.runners.signal(key, signal.SIGCONT))
    play.say("          it comes back")


def undo(play: Play, whole: list[str]) -> int:
    """Undo the order over both sites, with a runner killed in the middle; return the common exit code."""
    with open_journal() as journal:
        order_undo(journal, play.database.address, whole[0], UndoRequested(), Gate(), "noc")
    play.say("the undo of the order over both sites is ordered")
    run, key = play.at(play.runs[whole[0]], "undo-intended")
    play.runners.kill(key)
    number, struck = play.last()[run][1], datetime.now(UTC)
    play.say(f"kill -9 of runner {key[0]}-{key[1]}, in the undo")
    play.await_takeover(run, number, struck, lambda: play.runners.start(*key))
    codes: list[int] = []

    def over() -> bool:
        with open_journal() as journal:
            done = undone(journal, whole[0])
            if done is not None and done.undo_exit_code is not None:
                codes.append(int(done.undo_exit_code))
        return bool(codes)

    wait_until(over, "the undo has ended at both sites")
    play.say("the undo has ended at both sites")
    return codes[0]


def counts(play: Play, names: list[str]) -> Counter[int]:
    """Return how often the line of a target was written, over all targets."""
    files = {name: play.top / "files" / f"{name}.lines" for name in names}
    return Counter(len(path.read_text().splitlines()) if path.exists() else 0 for path in files.values())


def table(play: Play, names: list[str], before: Counter[int], verdict: str, undo_code: int, lost: int) -> int:
    """Print what came of it; return 0 if all is well."""
    found = play.histories()
    with open_journal() as journal:
        damaged = {run: problems for run in play.runs if (problems := journal.verify(run))}
    files = sum((play.top / "files" / f"{name}.last").exists() for name in names)
    undone_files = [name for name in names[:WHOLE] if list((play.top / "files").glob(f"{name}.[fd]*"))]
    twice, never = sum(before[n] for n in before if n > 1), before[0]
    ended = Counter(str(each.state) for each in found)
    rows = (
        ("runs", len(found)), ("targets", len(names)), ("ended", dict(ended)), ("one verdict", verdict.strip()),
        ("lines written once", before[1]), ("written twice", twice), ("lost", never),
        ("files there after the undo", f"{files} of {len(names) - WHOLE}"), ("left by the undo", len(undone_files)),
        ("exit code of the undo", undo_code), ("journals that do not verify", damaged or 0),
        ("takeovers", len(play.taken)), ("slowest takeover, s", round(max(play.taken))),
        ("seconds", round(time.monotonic() - play.begun)), ("load", " ".join(f"{x:.1f}" for x in os.getloadavg())),
    )  # fmt: skip
    for name, value in rows:
        print(f"{name:<30}{value}")
    well = ended == {"ok": len(found)} and files == len(names) - WHOLE and max(play.taken) <= 60
    return int(not well or bool(twice or never or undone_files or undo_code or damaged or lost))


if __name__ == "__main__":
    sys.exit(main())
