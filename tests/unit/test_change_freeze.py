"""Freezing real processes of this machine: the right ones stand still and go on again, and no other is touched."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.change import CHANGE, DRIFTED, FreezeChange, Frozen
from stopgap.orchestrator.facts import Output, Running, RunningFact, RunningProcess, UnreadableError
from stopgap.orchestrator.hosttext import HostText


def sh(script: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["/bin/sh", "-s"], input=script.encode("utf-8", "surrogateescape"), capture_output=True)


def running() -> RunningFact:
    done = sh(Running().script())
    return Running().parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


def of(pid: int) -> RunningProcess:
    return next(process for process in running().processes if process.pid == pid)


def state(pid: int, wanted: str) -> str:
    """The state of a process; waits for the wanted one, for a signal takes its moment."""
    for _ in range(250):
        if (seen := of(pid).state) in wanted:
            break
        time.sleep(0.02)
    return seen


def freeze(*processes: Frozen, boot: str | None = None) -> FreezeChange:
    change = FreezeChange(boot=boot or running().boot, processes=processes)
    assert CHANGE.validate_json(change.model_dump_json()) == change
    return change


def exactly(process: RunningProcess, **other: object) -> Frozen:
    named = {"pid": process.pid, "oldest": process.started, "youngest": process.started, "exe": process.exe}
    return Frozen.model_validate(named | other)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a name that is made to mislead."""
    name = tmp_path / "a) S 1 (b"
    name.symlink_to("/bin/sleep")
    process = subprocess.Popen([name, "600"])
    yield process
    process.kill()
    process.wait()


def test_it_stands_still_and_goes_on(sleeper: subprocess.Popen[bytes]) -> None:
    assert state(sleeper.pid, "S") == "S"
    seen = of(sleeper.pid)
    assert seen.name == "a) S 1 (b"
    change = freeze(exactly(seen))
    for _ in range(2):
        assert sh(change.do_script()).returncode == 0
        assert state(sleeper.pid, "T") == "T"
    for _ in range(2):
        assert sh(change.undo_script()).returncode == 0
        assert state(sleeper.pid, "S") == "S"


def test_another_process_with_the_same_number_is_touched_by_neither(sleeper: subprocess.Popen[bytes]) -> None:
    seen = of(sleeper.pid)
    change = freeze(exactly(seen, oldest=seen.started - 1, youngest=seen.started - 1))
    assert sh(change.do_script()).returncode == 0
    assert of(sleeper.pid).state == "S"
    sleeper.send_signal(19)
    assert state(sleeper.pid, "T") == "T"
    assert sh(change.undo_script()).returncode == 0
    assert of(sleeper.pid).state == "T"


def test_nothing_is_touched_where_one_runs_another_program_meanwhile(sleeper: subprocess.Popen[bytes]) -> None:
    other = subprocess.Popen(["/bin/sleep", "600"])
    try:
        change = freeze(exactly(of(other.pid)), exactly(of(sleeper.pid), exe=b"/usr/bin/other"))
        done = sh(change.do_script())
        assert done.returncode == DRIFTED
        assert b"runs another program now" in done.stderr
        assert of(other.pid).state == "S"
    finally:
        other.kill()
        other.wait()


def test_a_process_that_has_ended_is_no_failure() -> None:
    with subprocess.Popen(["/bin/sleep", "600"]) as process:
        change = freeze(exactly(of(process.pid)))
        process.kill()
    assert sh(change.do_script()).returncode == 0
    assert sh(change.undo_script()).returncode == 0


def test_after_a_reboot_nothing_is_touched(sleeper: subprocess.Popen[bytes]) -> None:
    change = freeze(exactly(of(sleeper.pid)), boot="another")
    assert sh(change.do_script()).returncode == DRIFTED
    assert sh(change.undo_script()).returncode == 0
    assert of(sleeper.pid).state == "S"


def test_a_process_that_evidence_names_is_known_by_being_old_enough(sleeper: subprocess.Popen[bytes]) -> None:
    youngest = of(sleeper.pid).started
    assert sh(freeze(Frozen(pid=sleeper.pid, oldest=0, youngest=youngest)).do_script()).returncode == 0
    assert state(sleeper.pid, "T") == "T"


def test_the_reader_knows_what_carries_it_and_when_a_moment_was() -> None:
    seen = running()
    assert {1, seen.reader} <= seen.carrying()
    assert abs(seen.ticks_at(seen.now) - seen.uptime * 100) < 2


def test_part_of_the_list_is_not_taken_for_the_whole() -> None:
    done = sh(Running().script())
    with pytest.raises(UnreadableError):
        Running().parse(Output(HostText(done.stdout), HostText(b""), 0, truncated=True))
    with pytest.raises(UnreadableError):
        Running().parse(Output(HostText(done.stdout.replace(b") S ", b" S ")), HostText(b""), 0))
