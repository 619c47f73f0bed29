"""Old runs that nothing needs go, with a record of each; every other run stays, and says why."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.journal.deliveries import deliveries
from stopgap.orchestrator.journal.lock import take
from stopgap.orchestrator.journal.prune import judge, remove
from stopgap.orchestrator.journal.records import (
    AnyRecord,
    FindingNoted,
    FindingsMade,
    MessageIntended,
    MessagePosted,
    RunFinished,
    RunStarted,
)
from stopgap.orchestrator.outcome import RunOutcome

from .bench import Bench, file
from .forging import edit, only_run, put_aside, put_back
from .story import DROP, answered, change, step

LATER = datetime(2099, 1, 1, tzinfo=UTC)
OLD = ("--older", "1ms")
FINISHED = RunFinished(outcome=RunOutcome.OK, exit_code=0)


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.top / "home"


def done(bench: Bench, name: str = "one", *words: str) -> str:
    """A run that has changed something, and was undone."""
    assert bench.run(bench.runbook(file(bench, name)), "--yes", *words)[0] == 0
    run = only_run(bench.top / "home")
    assert bench.stopgap("undo", run, "--yes")[0] == 0
    return run


def collected(bench: Bench) -> str:
    step = {"id": "look", "task": "evidence.collect", "with": {"artifacts": ["clock"]}}
    assert bench.run(bench.runbook(step), "--yes")[0] == 0
    return only_run(bench.top / "home")


def recorded(home: Path, *records: AnyRecord, at: datetime | None = None, **started: Any) -> str:
    """A run of these records, with a report."""
    values: dict[str, Any] = {
        "version": "0.1.0", "runbook_name": "Contain", "runbook_path": "contain.yaml", "runbook_text": "",
        "inventory_path": "hosts.yaml", "inventory_text": "", "hosts": (Host(name="web", address="192.0.2.1"),),
        "targets": ("web",), "params": {}, "operator": "kei@noc1",
    }  # fmt: skip
    with Journal.open(home, clock=lambda: at or datetime.now(UTC)) as journal:
        run = journal.begin(RunStarted(**values | started))
        journal.append(run, *records)
        (journal.run_folder(run) / "report.html").touch()
    return run


def stays(bench: Bench) -> dict[str, str]:
    """The reasons by run, of a dry run."""
    status, out, _ = bench.stopgap("prune", *OLD, "--dry-run", "--json")
    assert status == 0
    return {each["run"]: "; ".join(each["why"]) for each in json.loads(out)["stays"]}


def found(*rules: str) -> FindingsMade:
    noted = [FindingNoted(id=r, severity="high", title=r, count=1, first="/tmp/x") for r in rules]
    return FindingsMade(
        step="look", target="web", host="web", profile="triage", folder="evidence/web/look", findings=tuple(noted),
        rules=9, not_looked=0, sha256=None,
    )  # fmt: skip


def decided(line: str, *rules: str) -> list[AnyRecord]:
    return answered("Which of these are gone?", line, type="decisions", items=rules)


def test_a_run_that_nothing_needs_goes_and_a_record_of_it_stays(bench: Bench, home: Path) -> None:
    run = done(bench)
    with Journal.open(home) as journal:
        records = [*journal.records(run)]
        last = journal.last_row(run).hash
    status, out, _ = bench.stopgap("prune", *OLD, "--dry-run")
    assert (status, f"goes   {run}" in out) == (0, True)
    assert (home / "runs" / run).is_dir()
    assert bench.stopgap("prune", *OLD)[0] == 4, "nobody is there to ask"
    assert (home / "runs" / run).is_dir()
    assert bench.stopgap("prune", *OLD, "--yes")[0] == 0
    assert not (home / "runs" / run).exists()
    status, out, _ = bench.stopgap("runs", "--json")
    (kept,) = json.loads(out)["pruned"]
    assert (status, json.loads(out)["runs"], json.loads(out)["strays"]) == (0, [], [])
    assert (kept["run"], kept["records"], kept["last_hash"], kept["targets"]) == (run, len(records), last, ["a"])
    told = bench.stopgap("runs", "--pruned")[1]
    assert (run in told, last in told, kept["by"] in told) == (True, True, True)
    assert bench.stopgap("status")[0] == 0
    for words in (["show", run], ["verify", run], ["undo", run, "--yes"]):
        status, _, said = bench.stopgap(*words)
        assert (status, "was pruned" in said) == (2, True), words
    assert bench.stopgap("prune", *OLD, "--yes")[0] == 0


def test_what_is_in_force_unreported_running_or_interrupted_stays(bench: Bench, home: Path) -> None:
    assert bench.run(bench.runbook(file(bench, "one")), "--yes")[0] == 0
    in_force = only_run(home)
    unreported = done(bench, "two")
    (home / "runs" / unreported / "report.html").unlink()
    changed_nothing = recorded(home, FINISHED)
    (home / "runs" / changed_nothing / "report.html").unlink()
    asks = recorded(home, answered("Go on?", "yes", type="yes-no")[0])
    without_open_ends = recorded(home)
    block = step("cut-off", "edge", "Drop", "traffic.block", *change("cut-off", "edge", DROP))
    lapsed = recorded(home, *block, FINISHED, at=datetime(2020, 1, 1, tzinfo=UTC))
    held, lost = recorded(home, FINISHED), recorded(home, FINISHED)
    shutil.rmtree(home / "runs" / lost)
    descriptor = take(home / "runs" / held / "lock")
    assert descriptor is not None
    try:
        why = stays(bench)
        assert bench.stopgap("prune", *OLD, "--yes")[0] == 0
    finally:
        os.close(descriptor)
    assert set(why) == {in_force, unreported, asks, lapsed, held, lost}
    assert "1 change of it is in force" in why[in_force]
    assert f"stopgap report {unreported}" in why[unreported]
    assert f"stopgap resume {asks}" in why[asks]
    assert "1 change of it lapsed" in why[lapsed]
    assert "a process is at work on it" in why[held]
    assert "its folder is gone" in why[lost]
    with Journal.open(home) as journal:
        assert {each.id for each in journal.runs()} == set(why)
        assert {each.run for each in journal.pruned()} == {changed_nothing, without_open_ends}


def test_what_is_young_stays(bench: Bench, home: Path) -> None:
    run = recorded(home, FINISHED)
    for words in (["--older", "90d"], ["--older", "1h"]):
        out = bench.stopgap("prune", *words, "--yes", "--json")[1]
        assert [each["run"] for each in json.loads(out)["stays"]] == [run]
    assert bench.stopgap("prune", "--older", "90")[0] == 2


def test_open_findings_and_the_decisions_on_what_stays_stay(bench: Bench, home: Path) -> None:
    closed = recorded(home, found("a"), *decided("1 gone", "a"), FINISHED)
    seen = recorded(home, found("b", "c"), FINISHED)
    partly = recorded(home, *decided("1 gone", "b"), FINISHED)
    why = stays(bench)
    assert "a finding of it is open: c" in why[seen]
    assert f"it decides on findings of run {seen}" in why[partly]
    assert f"it decides on findings of run {seen}" in why[closed], "a decision on the same host"
    recorded(home, *decided("1 gone", "c"), FINISHED)
    assert stays(bench) == {}


def test_an_incident_goes_whole_after_it_was_closed(bench: Bench, home: Path) -> None:
    assert bench.stopgap("incident", "open", "shop")[0] == 0
    one = recorded(home, FINISHED, incident="shop")
    two = recorded(home, found("a"), FINISHED, incident="shop")
    assert "incident shop is not closed" in stays(bench)[one]
    assert bench.stopgap("incident", "close")[0] == 0
    why = stays(bench)
    assert (f"run {two} of the same incident" in why[one], "is open: a" in why[two]) == (True, True)
    recorded(home, *decided("1 gone", "a"), FINISHED)
    assert stays(bench) == {}
    assert bench.stopgap("prune", *OLD, "--yes")[0] == 0
    assert bench.stopgap("incident", "show", "--incident", "shop")[0] == 0


def test_a_run_that_a_staying_run_names_stays_and_so_on(bench: Bench, home: Path) -> None:
    first = recorded(home, FINISHED)
    second = recorded(home, FINISHED, params={"run": first})
    third = recorded(home, found("a"), FINISHED, params={"run": second})
    why = stays(bench)
    assert set(why) == {first, second, third}
    assert f"run {second}, which stays, refers to it" in why[first]
    edit(home, third, lambda text: text.replace('"kind":"run-started"', '"kind":"run-startled"'))
    status, _, said = bench.stopgap("prune", *OLD, "--yes")
    assert (status, f"run {third} are damaged" in said) == (4, True), "what it needs cannot be told"
    assert all((home / "runs" / each).is_dir() for each in (first, second, third))


@pytest.mark.parametrize("outcome", ["sent", "unknown", "failed"])
def test_nobody_gets_a_message_twice_after_a_prune(bench: Bench, home: Path, outcome: Any) -> None:
    about = {"step": "tell", "target": "web", "key": "k1", "to": "a@example.jp"}
    intended = MessageIntended(**about, about="the cut", way="by mail", subject="s", text="t")
    posted = MessagePosted(**about, outcome=outcome, detail="")
    recorded(home, intended, posted, FINISHED)
    with Journal.open(home) as journal:
        before = {key: each.state for key, each in deliveries(journal, {"k1", "k2"}).items()}
    assert bench.stopgap("prune", *OLD, "--yes")[0] == 0
    with Journal.open(home) as journal:
        after = {key: each.state for key, each in deliveries(journal, {"k1", "k2"}).items()}
        assert journal.runs() == []
    assert before == {"k1": outcome}
    assert after == ({} if outcome == "failed" else before), "what failed is tried again in either case"


def test_evidence_and_exported_journal_stay_and_verify_where_they_are_to_be_kept(bench: Bench, home: Path) -> None:
    run = collected(bench)
    assert bench.stopgap("prune", *OLD, "--yes", "--keep-evidence")[0] == 0
    folder = home / "runs" / run
    assert {path.name for path in folder.iterdir()} == {"evidence", "journal.jsonl"}
    (collection,) = folder.glob("evidence/a/look")
    for what in (folder, collection):
        assert bench.stopgap("verify", str(what))[0] == 0, what
    for words in (["runs"], ["status"]):
        assert bench.stopgap(*words)[0] == 0, "a kept folder is no stray"
    status, _, said = bench.stopgap("journal", "import", str(folder))
    assert (status, "was pruned" in said) == (1, True)
    shutil.copytree(folder, bench.top / "copy")
    shutil.rmtree(folder)
    assert bench.stopgap("journal", "import", str(bench.top / "copy"))[0] == 1
    assert not folder.exists()
    shutil.move(bench.top / "copy", folder)
    with Journal.open(home) as journal:
        ((where, digest),) = journal.pruned()[0].manifests.items()
    assert hashlib.sha256((folder / where / "manifest.json").read_bytes()).hexdigest() == digest
    assert bench.stopgap("prune", *OLD, "--yes")[0] == 0
    assert folder.is_dir(), "what was to be kept is kept by a later call too"
    (collection / "manifest.json").write_bytes(b"{}")
    assert bench.stopgap("verify", str(folder))[0] == 1


STRIKES = ("DELETE FROM records", "CREATE TRIGGER", "COMMIT", "sync")


@pytest.mark.parametrize(
    ("at", "keep"), [*((at, ()) for at in (*STRIKES, "rmtree")), *((at, ("--keep-evidence",)) for at in STRIKES[2:])]
)
def test_killed_at_any_point_the_next_call_finishes(bench: Bench, home: Path, at: str, keep: tuple[str, ...]) -> None:
    runs = [recorded(home, FINISHED), recorded(home, FINISHED)]
    for run in runs:
        (home / "runs" / run / "evidence" / "web").mkdir(parents=True)
    killed = subprocess.run([sys.executable, "-c", KILLED, at, "prune", *OLD, "--yes", *keep], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert bench.stopgap("runs")[0] == bench.stopgap("status")[0] == 0
    with Journal.open(home) as journal:
        before = len(journal.pruned())
        assert (before, len(journal.runs())) in {(0, 2), (2, 0)}
        assert before == (2 if at in {"rmtree", "sync"} else 0)
        with pytest.raises(sqlite3.IntegrityError), closing(sqlite3.connect(home / "journal.sqlite")) as database:
            database.execute("DELETE FROM records")
    assert bench.stopgap("prune", *OLD, "--yes", *keep)[0] == 0
    with Journal.open(home) as journal:
        assert ([each.run for each in journal.pruned()], journal.runs()) == (runs, [])
        kept = {path.name for run in runs for path in journal.run_path(run).glob("*")}
    assert kept == ({"evidence", "journal.jsonl"} if keep else set())


KILLED = """
import os, shutil, signal, sys
from stopgap.orchestrator.journal import local, prune
at = sys.argv.pop(1)
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
def opened(path, inner=local.open_database):
    database = inner(path)
    database.set_trace_callback(lambda text: text.strip().startswith(at) and die())
    return database
def half(path, inner=shutil.rmtree):
    files = [each for each in path.rglob("*") if each.is_file()]
    files[0].unlink()
    die()
if at == "rmtree":
    prune.shutil.rmtree = half
elif at == "sync":
    prune.sync_folder = die
else:
    local.open_database = opened
from stopgap.orchestrator.cli import main
main(sys.argv[1:])
"""


def test_a_run_that_changed_since_it_was_judged_keeps_all_of_them(home: Path) -> None:
    one, two = recorded(home, FINISHED), recorded(home, FINISHED)
    with Journal.open(home) as journal:
        judged = judge(journal, LATER, "kei@noc1", keep_evidence=False)
        journal.append(two, FINISHED)
        with pytest.raises(JournalError, match=f"run {two} was changed"):
            remove(journal, judged.goes)
        assert [each.id for each in journal.runs()] == [two, one]


def test_nothing_is_added_to_a_run_that_was_pruned_meanwhile(home: Path) -> None:
    run = recorded(home, FINISHED)
    with Journal.open(home) as late, Journal.open(home) as journal:
        remove(journal, judge(journal, LATER, "kei@noc1", keep_evidence=False).goes)
        with pytest.raises(JournalError, match="was pruned"):
            late.append(run, FINISHED)
        assert late.runs() == []


def test_records_of_prunes_that_were_edited_are_told_and_hide_nothing(bench: Bench, home: Path) -> None:
    run = collected(bench)
    assert bench.stopgap("prune", *OLD, "--yes", "--keep-evidence")[0] == 0
    edit(home, "pruned", lambda text: text.replace('"records":', '"records":9'))
    status, out, _ = bench.stopgap("runs", "--pruned")
    assert (status, "damaged: run pruned" in out, run in out) == (1, True, True)
    status, _, said = bench.stopgap("prune", *OLD, "--yes")
    assert (status, "run pruned are damaged" in said) == (4, True)


def test_an_older_database_that_was_put_back_is_told(bench: Bench, home: Path) -> None:
    run = done(bench)
    put_aside(home, bench.top / "aside")
    assert bench.stopgap("prune", *OLD, "--yes")[0] == 0
    put_back(home, bench.top / "aside")
    status, out, _ = bench.stopgap("runs")
    assert (status, f"run {run}: its folder" in out) == (1, True)


def test_while_the_journal_has_lost_a_run_nothing_is_removed(bench: Bench, home: Path) -> None:
    run = done(bench)
    put_aside(home, bench.top / "aside")
    lost = done(bench, "two")
    put_back(home, bench.top / "aside")
    for words in (["--yes"], ["--dry-run"]):
        status, _, said = bench.stopgap("prune", *OLD, *words)
        assert (status, f"run {lost}: the journal does not know it" in said) == (4, True)
    assert (home / "runs" / run).is_dir()


def test_a_backup_of_the_state_folder_verifies_where_it_is_restored(
    bench: Bench, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, pruned = collected(bench), done(bench)
    assert bench.run(bench.runbook(file(bench, "two")), "--yes")[0] == 0
    in_force = only_run(home)
    restored = bench.top / "restored"
    with Journal.open(home):  # the database is open, with a log beside it
        shutil.copytree(home, restored, ignore=shutil.ignore_patterns("journal.sqlite*"))
        command = ["sqlite3", str(home / "journal.sqlite"), f".backup '{restored}/journal.sqlite'"]
        subprocess.run(command, check=True)
    shutil.rmtree(home)
    monkeypatch.setenv("STOPGAP_HOME", str(restored))
    for what in (kept, pruned, in_force, str(restored / "runs" / kept)):
        assert bench.stopgap("verify", what)[0] == 0, what
    assert bench.stopgap("status", "--offline")[0] == 0
    assert bench.stopgap("undo", in_force, "--yes")[0] == 0
    assert not (bench.files / "two").exists()
