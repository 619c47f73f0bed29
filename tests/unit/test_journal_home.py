"""State folders as they are met: read-only, held by a backup, without locks, moved away while a run goes on."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stopgap.orchestrator.journal import Journal, JournalError, database
from stopgap.orchestrator.journal.lock import take
from tests import forkserver

from .bench import Bench, file
from .ssh_server import wait_until
from .test_journal import STARTED, unreachable


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.top / "home"


def write(bench: Bench, *steps: str) -> int:
    status, _ = bench.run(bench.runbook(*(file(bench, name) for name in steps)), "--yes")
    return status


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts a folder read-only")
def test_a_home_on_a_read_only_file_system_is_read_and_nothing_else(bench: Bench, home: Path) -> None:
    assert write(bench, "f") == 0
    paper = bench.top / "report.html"
    reading = ["runs", "show last", "status", "verify last", "watch last", f"report last -o {paper}", "incident show"]
    bench.stopgap("incident", "open", "i1")
    stopgap = forkserver.stopgap()
    script = f"mount --bind {home} {home}; mount -o remount,ro,bind {home}\n"
    script += "".join(f"{stopgap} {words} >/dev/null || echo failed: {words}\n" for words in reading)
    script += f"{stopgap} undo last --yes && echo undone\n"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "", done
    assert "set STOPGAP_HOME to a folder that can be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert paper.is_file()


def test_what_is_still_in_the_write_ahead_log_is_read_too(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "home") as journal:
        run = journal.begin(STARTED)
        journal.append(run, unreachable(1))
        assert (tmp_path / "home" / "journal.sqlite-wal").stat().st_size > 0
        with Journal.open_copy(tmp_path / "home") as reader:
            assert len(list(reader.records(run))) == 2
            assert reader.verify(run) == []
            with pytest.raises(JournalError, match="cannot be written"):
                reader.append(run, unreachable(2))


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the database for writing, as a backup does."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_backup_that_holds_the_database_ends_no_run(bench: Bench, home: Path) -> None:
    assert database.PATIENCE >= 120
    assert write(bench, "before") == 0
    gate, reached = bench.top / "gate", bench.top / "reached"
    waits = f"touch {reached}; while ! [ -e {gate} ]; do sleep 0.05; done"
    step = {"id": "wait", "task": "host.command", "with": {"argv": ["sh", "-c", waits], "reads": True}}
    runbook = bench.runbook(file(bench, "f"), step, file(bench, "g"))
    running = bench.in_background("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    wait_until(reached.exists)
    with held(home / "journal.sqlite"):
        gate.touch()
        time.sleep(database._TRY * 3)
        assert running.poll() is None
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert (bench.files / "g").exists()
    assert bench.stopgap("verify", "last")[0] == 0


def test_ctrl_c_is_heard_while_the_database_is_held(bench: Bench, home: Path) -> None:
    assert write(bench, "f") == 0
    other = sqlite3.connect(home / "journal.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    asking = bench.in_background("show", "last")
    time.sleep(database._TRY * 3)
    while asking.poll() is None:
        asking.send_signal(signal.SIGINT)
        time.sleep(0.1)
    other.close()
    asking.communicate()
    assert asking.returncode in {130, -signal.SIGINT}


def test_a_record_has_the_moment_at_which_it_was_to_be_written(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        run = journal.begin(STARTED)
        before = journal.now()
        with held(tmp_path / "journal.sqlite"):
            waiting = threading.Thread(target=journal.append, args=(run, unreachable(1)))
            waiting.start()
            time.sleep(database._TRY * 3)
            released = journal.now()
        waiting.join()
        *_, last = journal.records(run)
    assert before <= last.at < released


def test_a_file_system_that_refuses_locks_is_told_as_such(
    bench: Bench, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    runbook = bench.runbook(file(bench, "f"))
    status, _, said = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    assert status == 1
    assert "no working locks; set STOPGAP_HOME to a folder on a local disk" in said
    assert not (bench.files / "f").exists()


def test_a_file_system_whose_locks_lock_nothing_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    with pytest.raises(JournalError, match="no working locks"):
        take(tmp_path / "lock")


def test_a_database_that_cannot_be_locked_is_told_before_the_patience_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refused)
    monkeypatch.setattr(database, "_SUSPICIOUS", 0.1)
    with Journal.open(tmp_path) as journal:
        run = journal.begin(STARTED)
        with held(tmp_path / "journal.sqlite"), pytest.raises(JournalError, match="no working locks"):
            journal.append(run, unreachable(1))


@pytest.mark.parametrize("words", [["mv", "{home}", "{home}-moved"], ["rm", "-rf", "{home}"]])
def test_a_home_that_goes_away_meanwhile_is_told_at_the_end_and_its_records_are_saved(
    words: list[str], bench: Bench, home: Path
) -> None:
    argv = [word.format(home=home) for word in words]
    goes = {"id": "goes", "task": "host.command", "with": {"argv": argv, "reads": True}}
    runbook = bench.runbook(file(bench, "f"), goes, file(bench, "g"))
    status, _, said = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")
    assert status == 1
    assert "was moved away or deleted while the run went on" in said
    (folder,) = (home / "runs").iterdir()
    assert f"stopgap journal import {folder}" in said
    assert bench.stopgap("status")[0] == 1
    assert bench.stopgap("journal", "import", str(folder))[0] == 0
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert not (bench.files / "g").exists()
