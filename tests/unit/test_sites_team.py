"""Two runners with homes of their own and one journal on PostgreSQL: one is killed, or comes back from the dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.journal import RunHeldError, open_journal
from stopgap.orchestrator.journal.site_records import RunQueued
from stopgap.orchestrator.run.gate import Gate
from stopgap.orchestrator.run.order import order_here
from stopgap.orchestrator.run.runner import run_started
from stopgap.orchestrator.run.undo_run import UndoRequested
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.sites import runner
from stopgap.orchestrator.sites.carrying import LATER, carry_on, main
from stopgap.orchestrator.sites.ordering import order_again
from stopgap.orchestrator.sites.pausing import WAITS
from stopgap.orchestrator.sites.queue import CUT, REST, Queued, prepare, put
from stopgap.orchestrator.sites.rate import TURN, Rate, prepare_rate
from stopgap.orchestrator.sites.undoing import order_undo, undone

from .bench import Bench, file
from .journals import Journals

# A runner's process that stops itself before its first act: `settle` is before the record, `assure` before the host.
STOPS = """
import os, signal, sys
from stopgap.orchestrator.run import host_lock
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.sites.carrying import main
name, host_lock.FOLDER = sys.argv[1:3]
look = getattr(Recorder, name)
def stop_then_look(self, **how):
    os.kill(os.getpid(), signal.SIGSTOP)
    look(self, **how)
setattr(Recorder, name, stop_then_look)
sys.exit(main(sys.argv[3:]))
"""
BEFORE_THE_RECORD, BEFORE_THE_HOST = "settle", "assure"


class Tokyo:
    """A site whose runners have a home each; the run appends a line to a file."""

    def __init__(self, bench: Bench, team: Journals, monkeypatch: pytest.MonkeyPatch) -> None:
        assert team.cluster
        self.bench, self.database, self._patch = bench, team.cluster, monkeypatch
        self.at("desk")
        monkeypatch.setenv("STOPGAP_JOURNAL", self.database.url())
        self.line = {"id": "line", "task": "host.command", "with": {"argv": ["sh", "-c", f"echo x >>{self.lines}"]}}
        self.order(self.line)

    def order(self, *steps: dict[str, Any]) -> None:
        """Begin a run of these steps at the site."""
        inventory = load_inventory(self.bench.inventory)
        runbook = parse_runbook(json.dumps({"name": "A line", "steps": steps}), "r.yaml")
        with open_journal() as journal:
            self.run = journal.begin(run_started(order_here(runbook, inventory, inventory.select(["a"]), {}), "noc"))
            journal.append(self.run, RunQueued(site="tokyo"))
            journal.let_go(self.run)

    @property
    def lines(self) -> Path:
        return self.bench.files / "lines"

    def at(self, home: str) -> Path:
        """Let this process have another home."""
        path = self.bench.top / home
        self._patch.setenv("STOPGAP_HOME", str(path))
        return path

    def stopped(self, where: str) -> subprocess.Popen[str]:
        """Begin the run in a process with a home of its own, and return the process once it stands still."""
        words = [where, str(self.bench.top / "run"), str(os.getpid()), self.run]
        process = subprocess.Popen(
            [sys.executable, "-c", STOPS, *words],
            env={**os.environ, "STOPGAP_HOME": str(self.bench.top / "one")},
            stderr=subprocess.PIPE,
            text=True,
        )
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), process.stderr.read() if process.stderr else ""
        return process

    def let_lapse(self) -> None:
        """Let the locks of everybody lapse, as by time."""
        self.database.run("UPDATE stopgap.locks SET beat = beat - interval '1 hour'")
        self.database.run(
            "CREATE OR REPLACE FUNCTION stopgap.lapsed(beat timestamptz, lease interval) RETURNS boolean LANGUAGE sql"
            " AS $$ SELECT $1 + $2 < clock_timestamp() $$"
        )

    def carried_on_by_the_other(self) -> int:
        self.at("two")
        return carry_on(self.run, None)


WATCHES = """
import os, sys, time
import psycopg
with psycopg.connect(os.environ["STOPGAP_JOURNAL"], autocommit=True) as database:
    def beat():
        return database.execute("SELECT max(last_heartbeat) FROM stopgap_queue.procrastinate_workers").fetchone()
    first, give_up = beat(), time.monotonic() + 30
    while beat() == first and time.monotonic() < give_up:
        time.sleep(0.02)
    sys.exit(0 if beat() != first else 9)
"""
"""In place of a run: waits for a sign of life of the runner."""


class Queue:
    """The queue of a site, and its runner with another process in place of a run."""

    def __init__(self, bench: Bench, team: Journals, monkeypatch: pytest.MonkeyPatch) -> None:
        assert team.cluster
        self.address, self._patch, self._home = team.cluster.url(), monkeypatch, bench.top / "runner"
        self._home.mkdir(mode=0o700)
        monkeypatch.setenv("STOPGAP_JOURNAL", self.address)
        monkeypatch.setattr(runner, "HEARTBEAT", 0.05)
        team.cluster.run("DROP SCHEMA IF EXISTS stopgap_queue CASCADE")
        self.database = team.cluster

    def put(self, run: str, priority: int) -> None:
        put(self.address, Queued(run, "tokyo", "", priority))

    def rows(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def carried_on(self, code: str, rate: Rate | None = None) -> list[str]:
        """Carry on until the queue is empty; return what the runner said."""
        said: list[str] = []
        self._patch.setattr(runner, "_CODE", code)
        site = runner.Site("tokyo", self.address, self._home, tell=lambda line: said.append(str(line)), rate=rate)
        runner.run_site(site, until_idle=True)
        return said


@pytest.fixture
def queue(bench: Bench, team: Journals, monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(bench, team, monkeypatch)


def test_a_runner_until_idle_gives_signs_of_life_until_its_last_run_has_ended(queue: Queue) -> None:
    queue.put("20261130-0000-aaaa", REST)
    assert queue.carried_on(WATCHES)[-1] == "Run 20261130-0000-aaaa: exit status 0"


def test_a_site_begins_as_many_runs_as_its_rate_and_no_cut_waits(queue: Queue) -> None:
    for name in "abc":
        queue.put(f"20261130-0000-{name * 4}", REST)
    queue.put("20261130-0000-kkkk", CUT)
    said = queue.carried_on("", Rate(2, 1))
    begun = [line[-11:-7] for line in said if line.endswith("begun")]
    assert (begun[0], begun[-1], sorted(begun)) == ("kkkk", "cccc", ["aaaa", "bbbb", "cccc", "kkkk"])
    tried = dict(queue.rows("SELECT right(args->>'run', 4), attempts FROM stopgap_queue.procrastinate_jobs"))
    assert (tried.pop("cccc") > 1, tried) == (True, {"aaaa": 1, "bbbb": 1, "kkkk": 1})


def test_all_runners_of_a_site_share_its_rate_and_a_run_that_is_tried_again_counts_once(queue: Queue) -> None:
    prepare(queue.address)
    prepare_rate(queue.address)
    rate = Rate(2, 3600)

    def turn(run: str, site: str = "tokyo") -> int:
        (seconds,) = queue.rows(TURN, rate.asked(site, run))[0]
        return round(seconds / 3600)

    assert [turn(run) for run in "abcab"] == [0, 0, 1, 0, 0]
    assert [turn(run) for run in "decd"] == [1, 2, 1, 1]
    assert turn("a", "osaka") == 0
    queue.database.run("UPDATE stopgap_queue.begun SET at = at - interval '10 hours'")
    assert [turn(run) for run in "afgh"] == [0, 0, 0, 1], "what waited for an answer meanwhile counts no second time"


@pytest.fixture
def tokyo(bench: Bench, team: Journals, monkeypatch: pytest.MonkeyPatch) -> Tokyo:
    return Tokyo(bench, team, monkeypatch)


@pytest.mark.parametrize("where", [BEFORE_THE_RECORD, BEFORE_THE_HOST])
def test_a_runner_that_was_thought_dead_and_comes_back_does_nothing_and_says_so(tokyo: Tokyo, where: str) -> None:
    process = tokyo.stopped(where)
    with pytest.raises(RunHeldError, match="is at work on run"):
        tokyo.carried_on_by_the_other()
    tokyo.let_lapse()
    assert tokyo.carried_on_by_the_other() == 0
    assert tokyo.lines.read_text() == "x\n"
    process.send_signal(signal.SIGCONT)
    said = process.communicate()[1]
    assert (process.returncode, tokyo.lines.read_text()) == (LATER, "x\n")
    assert "took over the lock" in said
    with open_journal() as journal:
        assert journal.verify(tokyo.run) == []
        history = journal.history(tokyo.run)
        assert (history.state, history.damage) == ("ok", ())


def test_a_run_that_paused_on_one_machine_is_answered_on_a_second_and_goes_on_at_a_third(
    tokyo: Tokyo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopgap.orchestrator.sites.patience.HOLDS", 0.01)
    question = {"id": "told", "task": "checkpoint", "with": {"ask": "Told the provider?", "reason": "They can help."}}
    tokyo.order(question, tokyo.line)
    tokyo.at("one")
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        os._exit(main([str(parent), tokyo.run]))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == WAITS
    tokyo.at("desk")
    status, said, _ = tokyo.bench.stopgap("answer", tokyo.run, "told", "yes")
    assert status == 0, said
    assert tokyo.carried_on_by_the_other() == 0
    assert tokyo.lines.read_text() == "x\n"


def test_a_runner_with_another_home_finishes_the_run_of_a_killed_one(tokyo: Tokyo) -> None:
    process = tokyo.stopped(BEFORE_THE_HOST)
    process.kill()
    process.communicate()
    tokyo.let_lapse()
    assert tokyo.carried_on_by_the_other() == 0
    assert tokyo.lines.read_text() == "x\n"
    tokyo.at("desk")
    with open_journal() as journal:
        assert (journal.history(tokyo.run).state, journal.verify(tokyo.run)) == ("ok", [])


def test_an_order_over_two_sites_has_one_verdict_one_report_and_one_undo(
    bench: Bench, team: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert team.cluster
    monkeypatch.setenv("STOPGAP_JOURNAL", team.cluster.url())
    assert bench.stopgap("journal", "install")[0] == 0
    team.cluster.run("DROP ROLE IF EXISTS kei")
    team.cluster.run("CREATE ROLE kei LOGIN IN ROLE stopgap_operator")
    database = team.cluster.url("kei")
    monkeypatch.setenv("STOPGAP_JOURNAL", database)
    described = json.loads(bench.inventory.read_text())
    for name, site in (("a", "tokyo"), ("b", "osaka")):
        described["hosts"][name]["site"] = site
    bench.inventory.write_text(json.dumps(described))
    words = ["-i", str(bench.inventory), "-t", "a", "-t", "b", "--site", "auto", "--json"]
    runbook = bench.runbook({**file(bench, "{{ target.name }}"), "id": "write"})
    status, out, err = bench.stopgap("run", runbook, *words)
    assert status == 0, err
    runs = {each["site"]: each["run"] for each in json.loads(out)["runs"]}
    assert sorted(runs) == ["osaka", "tokyo"]

    def whole() -> dict[str, object]:
        told: dict[str, object] = json.loads(bench.stopgap("show", runs["tokyo"], "--json")[1])["whole"]
        return told

    for site in ("tokyo", "osaka"):
        monkeypatch.setenv("STOPGAP_HOME", str(bench.top / site))
        assert whole()["exit_code"] is None
        assert carry_on(runs[site], None) == 0
    assert whole() == {"exit_code": 0, "runs": [{"run": runs[s], "site": s, "state": "ok"} for s in sorted(runs)]}
    assert "all 2 sites together: ok" in bench.stopgap("show", runs["osaka"])[1]
    report = bench.stopgap("report", runs["osaka"], "--format", "md")[1]
    assert [str(bench.files / name) in report for name in ("a", "b")] == [True, True]

    with open_journal() as journal:
        assert set(order_undo(journal, database, runs["tokyo"], UndoRequested(), Gate(), "noc")) == set(runs.values())
        assert undone(journal, runs["osaka"]) is None
    for site in ("tokyo", "osaka"):
        monkeypatch.setenv("STOPGAP_HOME", str(bench.top / site))
        assert carry_on(runs[site], None) == 0
    assert list(bench.files.iterdir()) == []
    with open_journal() as journal:
        done = undone(journal, runs["osaka"])
        assert done and (done.undo_exit_code, [each.in_force() for each in done.runs]) == (0, [(), ()])


def test_an_undo_that_a_site_refuses_has_an_end_on_record(tokyo: Tokyo) -> None:
    assert tokyo.carried_on_by_the_other() == 0
    with open_journal() as journal:
        order_undo(journal, tokyo.database.url(), tokyo.run, UndoRequested("no-such-step"), Gate(), "noc")
    with pytest.raises(UsageError, match="has no step"):
        carry_on(tokyo.run, None)
    with open_journal() as journal:
        done = undone(journal, tokyo.run)
    assert done and done.undo_exit_code == 4


@pytest.mark.long
def test_a_runner_outlives_its_database(tokyo: Tokyo) -> None:
    workers = b"SELECT count(*) FROM stopgap_queue.procrastinate_workers"
    prepare(tokyo.database.url())
    tokyo.database.run("DELETE FROM stopgap_queue.procrastinate_workers")
    runner = tokyo.bench.in_background("runner", "--site", "tokyo")
    try:
        assert runner.stdout
        assert "Runner of tokyo" in runner.stdout.readline()
        with tokyo.database.connect() as watching:
            while watching.execute(workers).fetchone() == (0,):
                time.sleep(0.1)
        tokyo.database.crash()
        while "out of reach" not in (said := runner.stdout.readline()):
            assert said, "the runner has ended"
        tokyo.database.start()
        with open_journal() as journal:
            order_again(journal, tokyo.database.url(), tokyo.run, Gate())
        while f"{tokyo.run}: exit status" not in (said := runner.stdout.readline()):
            assert said, "the runner has ended"
        assert tokyo.lines.read_text() == "x\n"
    finally:
        runner.send_signal(signal.SIGTERM)
        runner.communicate()
