"""The script that runs an exchange's items, in the shells that a host may have as /bin/sh."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import CONTROLLER, Host
from stopgap.orchestrator.remote import Item, Limits, Unreachable, connect
from stopgap.orchestrator.remote.local import LocalSession
from stopgap.orchestrator.remote.script import exchange_script

SHELLS = [
    shell for shell in (("dash", "-s"), ("bash", "--posix", "-s"), ("busybox", "ash", "-s")) if shutil.which(shell[0])
]
LIMITS = Limits(start=60, grace=60)


@pytest.fixture(params=SHELLS, ids=" ".join)
def session(request: pytest.FixtureRequest):
    session = LocalSession(CONTROLLER, LIMITS, shell=request.param)
    yield session
    session.close()


def wait_until(condition: Callable[[], bool], seconds: float = 60.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def running(marker: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                marker.encode() in (folder / "cmdline").read_bytes()
                and (folder / "stat").read_text().split()[2] != "Z"
            ):
                found.append(folder.name)
        except OSError:
            continue
    return found


def in_session(leader: int) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = file.read_text().rpartition(") ")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(file.parent.name)
    return found


def test_each_item_gets_its_own_output_error_and_status(session: LocalSession):
    outputs = session.exchange([Item("printf 'a\\0\\377'; echo no >&2; exit 3"), Item("printf b")])
    assert [(o.stdout.raw, o.stderr.raw, o.status) for o in outputs] == [(b"a\0\xff", b"no\n", 3), (b"b", b"", 0)]
    assert not any(o.truncated for o in outputs)
    assert session.trouble is None


def test_items_find_an_empty_standard_input_and_a_fixed_environment(session: LocalSession):
    script = 'cat; pwd; echo "$LC_ALL $PATH $#"; umask; ls /proc/self/fd | wc -w'
    output = session.exchange([Item(script)])[0]
    assert output.stdout.lines() == [
        "/",
        "C /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin 0",
        "0022",
        "4",  # 0, 1, 2, and the one that ls opens
    ]


def test_an_item_that_the_shell_cannot_parse_harms_no_other(session: LocalSession):
    outputs = session.exchange([Item("if"), Item("echo ')' '}'; echo it\\'s")])
    assert outputs[0].status not in (0, None)
    assert (outputs[1].stdout.raw, outputs[1].status) == (b") }\nit's\n", 0)


def test_items_do_not_share_variables_or_directories(session: LocalSession):
    outputs = session.exchange([Item("x=1; cd /tmp"), Item('echo "${x-unset}"; pwd')])
    assert outputs[1].stdout.raw == b"unset\n/\n"


def test_a_trap_of_an_item_runs_at_its_end(session: LocalSession):
    assert session.exchange([Item("trap 'echo bye' EXIT; exit 4")])[0].stdout.raw == b"bye\n"


def test_items_after_a_failed_one_are_not_begun_where_that_was_asked(session: LocalSession):
    items = [Item("true"), Item("exit 76"), Item("echo never"), Item("echo never")]
    outputs = session.exchange(items, stop_on_failure=True)
    assert [(o.status, o.ran) for o in outputs] == [(0, True), (76, True), (None, False), (None, False)]
    assert [o.status for o in session.exchange(items)] == [0, 76, 0, 0]


def test_items_after_a_required_one_that_failed_are_not_begun(session: LocalSession):
    items = [Item("true", required=True), Item("exit 3"), Item("exit 82", required=True), Item("echo never")]
    outputs = session.exchange([*items, Item("echo never")])
    assert [(o.status, o.ran) for o in outputs] == [(0, True), (3, True), (82, True), (None, False), (None, False)]


def test_an_item_beyond_its_deadline_is_unknown_and_the_next_one_runs(session: LocalSession):
    begun = time.monotonic()
    outputs = session.exchange([Item("echo so far; sleep 610", deadline=0.5), Item("echo next")])
    assert time.monotonic() - begun < 60
    assert (outputs[0].status, outputs[0].ran, outputs[0].truncated) == (None, True, True)
    assert outputs[0].stdout.raw == b"so far\n"
    assert (outputs[1].stdout.raw, outputs[1].status) == (b"next\n", 0)
    assert session.alive
    assert "deadline" in (session.trouble or "")


def test_changes_after_one_beyond_its_deadline_are_not_begun(session: LocalSession):
    outputs = session.exchange([Item("sleep 61", deadline=0.3), Item("echo never")], stop_on_failure=True)
    assert [(o.status, o.ran) for o in outputs] == [(None, True), (None, False)]


def test_what_an_item_started_dies_with_its_deadline(session: LocalSession):
    marker = f"6{os.getpid()}1"
    script = f"sleep {marker} & (sleep {marker} &) ; setsid sleep {marker} & (trap '' TERM HUP; sleep {marker})"
    session.exchange([Item(script, deadline=0.5)])
    assert wait_until(lambda: not running(marker), 2)


def test_nothing_of_the_script_itself_is_left_behind(session: LocalSession):
    deadline = 1_000_000 + os.getpid()
    for _ in range(15):
        assert session.exchange([Item("true")], deadline=deadline)[0].status == 0
    assert wait_until(lambda: not running(f"sleep\0{deadline}\0"))


def test_endless_output_is_cut_and_the_item_ended(session: LocalSession):
    outputs = session.exchange([Item("cat /dev/zero", deadline=20, cap=1000), Item("echo next")])
    assert (len(outputs[0].stdout.raw), outputs[0].truncated) == (1000, True)
    assert outputs[0].status != 0
    assert outputs[1].stdout.raw == b"next\n"


def test_output_within_its_cap_is_whole(session: LocalSession):
    output = session.exchange([Item("head -c 100000 /dev/zero", cap=100000)])[0]
    assert (len(output.stdout.raw), output.truncated, output.status) == (100000, False, 0)


def test_content_stands_in_no_process_title(session: LocalSession):
    outputs = session.exchange([Item(": SECRET-CONTENT; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")])
    assert b"-s" in outputs[0].stdout.raw
    assert b"SECRET-CONTENT" not in outputs[0].stdout.raw


def test_a_script_larger_than_every_buffer_arrives(session: LocalSession):
    text = "x" * 600_000
    output = session.exchange([Item(f"printf %s '{text}'", cap=1 << 20)])[0]
    assert output.stdout.raw == text.encode()


def test_no_item_is_begun_once_nobody_listens(session: LocalSession, tmp_path: Path):
    """The link is cut while the first item runs: it may end, the second never begins."""
    begun, ended, following = (tmp_path / name for name in ("begun", "ended", "following"))
    items = [Item(f"touch {begun}; sleep 0.5; touch {ended}", deadline=3), Item(f"touch {following}", deadline=3)]

    def cut() -> None:
        wait_until(begun.exists)
        session._line._stdin.close()

    threading.Thread(target=cut).start()
    session.exchange(items)
    assert wait_until(ended.exists)
    time.sleep(0.3)
    assert not following.exists()


def test_once_nobody_listens_the_item_that_runs_gets_its_time_and_nothing_stays(session: LocalSession):
    """The shell is run by hand: no session is there to clean up after it."""
    marker = f"8{os.getpid()}1"
    for script, longest in ((f": {marker}; sleep 0.5", 90), (f"sleep {marker}", 1)):
        text = exchange_script(
            [Item(script, deadline=longest), Item("true", deadline=1)], "g0", stop_on_failure=False, total=700
        )
        shell = subprocess.Popen(
            session._shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert shell.stdin
        assert shell.stdout
        shell.stdin.write(text)
        shell.stdin.flush()
        assert shell.stdout.readline().startswith(b"g0 B 0 ")
        shell.stdin.close()
        shell.wait(5)
        assert wait_until(lambda leader=shell.pid: not in_session(leader)), script
        shell.stdout.close()


def test_closing_ends_an_exchange_in_another_thread(session: LocalSession):
    begun = time.monotonic()
    threading.Timer(0.3, session.close).start()
    output = session.exchange([Item("sleep 620", deadline=600)])[0]
    assert (output.status, session.alive) == (None, False)
    assert time.monotonic() - begun < 60
    assert session.exchange([Item("echo late")])[0] == Output(output.stdout, output.stderr, None)


def test_a_script_cut_off_on_its_way_runs_nothing():
    script = exchange_script([Item("echo ran")], "0" * 32, stop_on_failure=False, total=5)
    for length in (len(script) // 2, len(script) - 10, len(script) - 3):
        run = subprocess.run(["sh", "-s"], input=script[:length], capture_output=True, timeout=180)
        assert b"ran" not in run.stdout


class Recorder:
    def __init__(self) -> None:
        self.said: list[tuple[int, bytes | int | None]] = []

    def data(self, index: int, chunk: bytes) -> None:
        self.said.append((index, chunk))

    def ended(self, index: int, output: Output) -> None:
        assert not output.stdout
        self.said.append((index, output.status))


def test_a_sink_takes_output_in_order_and_cut(session: LocalSession):
    recorder = Recorder()
    items = [Item("printf abcdef", cap=4), Item("exit 2"), Item("printf x; sleep 63", deadline=0.3)]
    session.exchange(items, sink=recorder)
    assert recorder.said == [(0, b"abcd"), (0, 0), (1, 2), (2, b"x"), (2, None)]


def test_a_sink_that_fails_ends_the_session(session: LocalSession):
    class Full(Recorder):
        def data(self, index: int, chunk: bytes) -> None:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        session.exchange([Item("echo x; sleep 64", deadline=9)], sink=Full())
    assert not session.alive


def test_a_shell_that_is_none_is_told_from_silence():
    session = LocalSession(CONTROLLER, LIMITS, shell=("sh", "-c", "echo 'This account is not available.'; exit 1"))
    output = session.exchange([Item("true")])[0]
    assert output.status is None
    assert session.trouble == "no POSIX shell answered: This account is not available."


def test_the_controller_is_a_session_like_any_other():
    session = connect(CONTROLLER, {})
    assert session.fingerprint is None
    assert session.exchange([Item("echo here")])[0].stdout.raw == b"here\n"
    assert session.exchange([]) == []


def test_no_secret_of_the_environment_reaches_a_local_script(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOPGAP_TOKEN", "canary")
    output = connect(CONTROLLER, {}).exchange([Item("env")])[0]
    assert b"canary" not in output.stdout.raw


@pytest.mark.skipif(shutil.which("sudo") is not None, reason="sudo is installed here")
def test_become_without_sudo_is_said_at_once():
    host = Host(name="router", address="127.0.0.1", connection="local", become="sudo")
    with pytest.raises(Unreachable) as raised:
        connect(host, {}, LIMITS)
    assert raised.value.kind == "sudo"


def test_a_halt_lets_the_item_under_way_end_and_begins_nothing_from_the_next_pause_on(session: LocalSession):
    begun = threading.Event()

    def halt_soon() -> None:
        begun.wait(10)
        session.halt()

    class Listening:
        def data(self, index: int, chunk: bytes) -> None:
            begun.set()

        def ended(self, index: int, output: Output) -> None:
            ended.append((output.status, output.ran))

    ended: list[tuple[int | None, bool]] = []
    thread = threading.Thread(target=halt_soon)
    thread.start()
    slow = Item("echo begun; sleep 1")
    session.exchange([slow, Item("true"), Item("true", pause=True), Item("true")], sink=Listening())
    thread.join()
    assert ended == [(0, True), (0, True), (None, False), (None, False)]
    assert session.trouble is None
    assert session.exchange([Item("echo on")])[0].stdout.raw == b"on\n"


def test_a_halt_before_the_exchange_leaves_what_comes_first(session: LocalSession):
    session.halt()
    outputs = session.exchange([Item("sleep 0.5"), Item("true", pause=True)], stop_on_failure=True)
    assert [(o.status, o.ran) for o in outputs] == [(0, True), (None, False)]
