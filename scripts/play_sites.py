"""Plays two sites on one PostgreSQL, with two runners each; runners and the database are killed with -9."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.journal import History, Journal, state_home
from stopgap.orchestrator.journal.records import Answered, ChangeIntended, ChangeMade
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.order import order_here
from stopgap.orchestrator.runbook import load_runbook
from stopgap.orchestrator.sites.ordering import order_at_sites
from stopgap.orchestrator.sites.queue import prepare

SITES = ("osaka", "tokyo")
PATIENCE = 300.0
"""Seconds in which everything has to be done."""


class Database:
    """A PostgreSQL of its own, on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._do("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()

    @property
    def address(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        options = f"-k {self.folder} -h '' -F"
        self._do(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start"
        )

    def kill(self) -> None:
        """Kill the postmaster and its processes with -9."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in (postmaster, *children)), "the database ends"
        )

    def stop(self) -> None:
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def _do(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [*self._as, str(self._bin / program), *words], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        if done.returncode:
            raise SystemExit(f"{program}: {done.stderr.decode()}")


class Runners:
    """The runners of all sites, each a process."""

    def __init__(self, top: Path) -> None:
        self._log = (top / "runners.log").open("ab")
        self.of: dict[str, list[subprocess.Popen[bytes]]] = {site: [] for site in SITES}

    def start(self, site: str) -> None:
        words = [
            sys.executable,
            "-c",
            "from stopgap.orchestrator.cli import main; import sys; sys.exit(main(sys.argv[1:]))",
        ]
        process = subprocess.Popen(
            [*words, "runner", "--site", site, "--slots", "2"], stderr=self._log, stdout=self._log
        )
        self.of[site].append(process)

    def kill(self, site: str) -> None:
        """Kill the first runner of a site with -9, and start another one."""
        process = self.of[site].pop(0)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for process in (each for found in self.of.values() for each in found):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        self._log.close()


def main() -> int:
    """Play, and print a table; return 0 if nothing was lost and nothing was done twice."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--targets", type=int, default=40, metavar="COUNT")
    words.add_argument("--keep", action="store_true", help="leave the folder with logs and journal")
    asked = words.parse_args()
    top = Path(tempfile.mkdtemp(prefix="stopgap-sites-"))
    top.chmod(0o755)
    (top / "db").mkdir(mode=0o700)
    (top / "home").mkdir(mode=0o700)
    (top / "files").mkdir()
    database = Database(top / "db")
    os.environ |= {"STOPGAP_HOME": str(top / "home"), "STOPGAP_QUEUE": database.address}
    runners = Runners(top)
    try:
        return play(top, database, runners, asked.targets)
    finally:
        runners.stop()
        with contextlib.suppress(SystemExit):
            database.stop()
        if asked.keep:
            print(top)
        else:
            shutil.rmtree(top, ignore_errors=True)


def play(top: Path, database: Database, runners: Runners, count: int) -> int:
    """Order a run for each target, strike while they go, and look at what came of it."""
    prepare(database.address)
    begun = time.monotonic()
    runs = order(top, database, count)
    print(f"{count} runs are ordered, after {time.monotonic() - begun:.0f} s")
    for site in SITES * 2:
        runners.start(site)
    strikes: list[tuple[str, float]] = []

    def strike(name: str, act: Callable[[], None]) -> None:
        act()
        strikes.append((name, time.monotonic() - begun))
        print(f"{strikes[-1][1]:6.0f} s  {name}")

    wait_until(lambda: sum(bool(h.changes) for h in histories(runs)) >= 1, "the first change")
    strike("kill -9 of a runner at tokyo, in a run", lambda: runners.kill("tokyo"))
    wait_until(lambda: any(h.waiting for h in histories(runs)), "the first question")
    strike("kill -9 of a runner at osaka, while a question waits", lambda: runners.kill("osaka"))
    runners.start("tokyo")
    runners.start("osaka")
    answering(runs, least=count // 4)
    strike("kill -9 of the database", database.kill)
    time.sleep(5)
    strike("the database is back", database.start)
    asleep = runners.of["osaka"][0]
    strike("a runner at osaka is stopped, and thought dead", lambda: asleep.send_signal(signal.SIGSTOP))
    answering(runs, least=count // 2)
    strike("and comes back", lambda: asleep.send_signal(signal.SIGCONT))
    answering(runs, least=count)
    return table(runs, time.monotonic() - begun)


def order(top: Path, database: Database, count: int) -> list[str]:
    """Order one run for each target; return the runs."""
    hosts = {
        f"web{number}": {
            "address": f"127.0.{number // 250}.{number % 250 + 2}",
            "connection": "local",
            "site": SITES[number % 2],
        }
        for number in range(count)
    }
    (top / "inventory.yaml").write_text(json.dumps({"hosts": hosts}))
    path = f"{top / 'files'}/{{{{ target.name }}}}"
    steps = [
        {"id": "first", "task": "host.file", "with": {"path": f"{path}.first", "content": "done\n"}},
        {"id": "ask", "task": "checkpoint", "with": {"ask": "Go on?", "reason": "the play waits here"}},
        {"id": "second", "task": "host.file", "with": {"path": f"{path}.second", "content": "done\n"}},
    ]
    (top / "runbook.yaml").write_text(json.dumps({"name": "Two files", "steps": steps}))
    inventory, runbook = load_inventory(top / "inventory.yaml"), load_runbook(top / "runbook.yaml")
    found: list[str] = []
    with Journal.open(state_home()) as journal:
        for name in hosts:
            order = order_here(runbook, inventory, inventory.select([name]), {})
            found += [each.run for each in order_at_sites(journal, database.address, order, "auto", Gate(), "noc")]
    return found


def histories(runs: list[str]) -> list[History]:
    """Return the histories of the runs."""
    with Journal.open(state_home()) as journal:
        return [journal.history(run) for run in runs]


def answering(runs: list[str], *, least: int) -> None:
    """Answer every question that waits, until at least so many runs have ended."""

    def enough() -> bool:
        with Journal.open(state_home()) as journal:
            found = [journal.history(run) for run in runs]
            for history in found:
                for asked in history.waiting if history.state == "running" else ():
                    answer = Answered(
                        step=asked.step, target=asked.target, question=asked.question.text, answer="yes", by="noc"
                    )
                    journal.append(history.run, answer)
        return sum(history.finished is not None for history in found) >= least

    wait_until(enough, f"{least} runs have ended")


def table(runs: list[str], seconds: float) -> int:
    """Print what came of the runs; return 0 if all ended well and no change was made twice."""
    made: Counter[tuple[str, str]] = Counter()
    intended = 0
    found = histories(runs)
    for history in found:
        for entry in history.entries:
            if isinstance(entry.record, ChangeMade) and entry.record.outcome == "done":
                made[history.run, entry.record.step] += 1
            intended += isinstance(entry.record, ChangeIntended)
    ended = Counter(str(history.state) for history in found)
    twice = sum(count > 1 for count in made.values())
    damaged = sum(bool(history.damage) for history in found)
    lost = sum(not {step.step for step in history.steps} >= {"first", "second"} for history in found)
    for name, value in (
        ("runs", len(runs)), ("ended", dict(ended)), ("changes made", sum(made.values())), ("intended", intended),
        ("made twice", twice), ("lost", lost), ("damaged journals", damaged), ("seconds", round(seconds)),
    ):  # fmt: skip
        print(f"{name:<18}{value}")
    return int(bool(twice or lost or damaged or ended != {"ok": len(runs)}))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something; raises SystemExit when patience is over."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
