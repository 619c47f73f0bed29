"""The agent: a command that it runs is what the command would be in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from stopgap.orchestrator.agent.loaded import currency
from stopgap.orchestrator.agent.request import Request, receive, send
from stopgap.orchestrator.agent.sameness import difference
from stopgap.orchestrator.agent.server import answers, listen, process_of
from stopgap.orchestrator.errors import Error

AGENT = Path(__file__).with_name("agent_for_tests.py")
CLIENT = (
    "import os, sys\n"
    "from stopgap.orchestrator.agent.address import socket_of_agent\n"
    "from stopgap.orchestrator.agent.client import ask_agent\n"
    "path = socket_of_agent(os.environ)\n"
    "code = ask_agent(path, sys.argv, 60) if path else None\n"
    "sys.exit('in a process of its own' if code is None else code)"
)
STOPGAP = Path(sys.executable).with_name("stopgap")
LONG = 60.0
"""Seconds that a busy machine may take."""


@pytest.fixture
def home() -> Iterator[Path]:
    """Give a state folder whose path a socket can have."""
    with tempfile.TemporaryDirectory(prefix="sg-") as folder:
        yield Path(folder)


@contextmanager
def agent(home: Path, idle: float = 600) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, str(AGENT), str(home / "agent.sock"), str(idle)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "listens\n"
        try:
            yield process
        finally:
            process.terminate()
            process.wait(LONG)


def client(code: str, home: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    """Have the agent of a home run this Python."""
    environ = {**os.environ, "STOPGAP_HOME": str(home)}
    settings = {"env": environ, "stdin": subprocess.DEVNULL, **settings}
    return subprocess.run(
        [sys.executable, "-c", CLIENT, code], capture_output=True, text=True, timeout=LONG, **settings
    )  # type: ignore[call-overload, no-any-return]


def started(code: str, home: Path) -> subprocess.Popen[str]:
    """Start a client that ignores no signal, whatever started the tests."""
    return subprocess.Popen(
        ["env", "--default-signal=INT,QUIT,HUP", sys.executable, "-c", CLIENT, code],
        env={**os.environ, "STOPGAP_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def await_(holds: object) -> None:
    end = time.monotonic() + LONG
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_runs_in_a_child_of_the_agent_and_ends_as_the_child_ended(home: Path) -> None:
    with agent(home) as process:
        done = client("import os, sys; print(os.getppid(), words[0]); sys.stderr.write('said'); sys.exit(4)", home)
    assert (done.stdout, done.stderr, done.returncode) == (f"{process.pid} -c\n", "said", 4)


def test_a_command_has_the_folder_the_environment_and_the_umask_of_who_typed_it(home: Path, tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "print(os.getcwd(), os.environ.get('ONLY'), os.environ.get('HOME'), os.umask(0), time.tzname[0])"
    )
    environ = {**os.environ, "STOPGAP_HOME": str(home), "ONLY": "here", "TZ": "Asia/Tokyo"}
    del environ["HOME"]
    with agent(home):
        done = client(code, home, cwd=tmp_path, env=environ, umask=0o027)
    assert done.stdout.split() == [str(tmp_path), "here", "None", str(0o027), "JST"], done.stderr


def test_a_command_reads_what_is_piped_to_it_and_the_descriptors_that_it_inherited(home: Path) -> None:
    ours, its = os.pipe()
    os.write(its, b"an inventory")
    os.close(its)
    code = f"import sys; print(sys.stdin.read(), open('/dev/fd/{ours}').read())"
    with agent(home):
        done = client(code, home, stdin=None, input="a question's answer", pass_fds=[ours])
    os.close(ours)
    assert done.stdout == "a question's answer an inventory\n", done.stderr


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_to_the_client_reaches_the_command(home: Path, which: signal.Signals) -> None:
    code = (
        "import os, signal, time\n"
        f"signal.signal({int(which)}, lambda which, _: (os.write(1, b'got %d' % which), os._exit(9)))\n"
        "os.write(1, b'waits\\n')\n"
        "while True: time.sleep(0.01)"
    )
    with agent(home), started(code, home) as process:
        assert process.stdout
        assert process.stdout.readline() == "waits\n"
        process.send_signal(which)
        assert process.stdout.read() == f"got {int(which)}"
        assert process.wait(LONG) == 9


def test_a_client_ends_by_the_signal_that_ended_its_command(home: Path) -> None:
    with agent(home):
        done = client("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", home)
    assert done.returncode == -signal.SIGKILL


def test_a_command_that_was_started_to_ignore_a_signal_ignores_it(home: Path) -> None:
    code = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    with agent(home):
        done = client(code, home, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert done.stdout == "True\n"


def test_a_command_is_hung_up_on_when_its_client_is_killed(home: Path) -> None:
    code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with agent(home), started(code, home) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        process.kill()
        await_(lambda: not is_there(worker))


def test_a_stopped_client_stops_its_command_and_both_go_on(home: Path) -> None:
    code = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(0.2); print('done')"

    def state(process: int) -> str:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]

    with agent(home), started(code, home) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        process.send_signal(signal.SIGTSTP)
        await_(lambda: state(worker) == "T" or not is_there(worker))
        await_(lambda: state(process.pid) == "T" or process.poll() is not None)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "done\n"
        assert process.wait(LONG) == 0


def test_a_command_goes_on_when_the_agent_is_told_to_stop_and_no_new_one_is_taken(home: Path) -> None:
    code = "import sys; print('reads', flush=True); print(sys.stdin.read())"
    environ = {**os.environ, "STOPGAP_HOME": str(home)}
    with (
        agent(home) as process,
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, code],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as running,
    ):
        assert running.stdout
        assert running.stdout.readline() == "reads\n"
        process.terminate()
        await_(lambda: not (home / "agent.sock").exists())
        assert client("print('taken')", home).stderr == "in a process of its own\n"
        assert running.communicate("the rest", LONG)[0] == "the rest\n"
        assert running.returncode == 0
        assert process.wait(LONG) == 0


def test_a_client_of_a_killed_agent_waits_for_its_command_and_says_so(home: Path) -> None:
    code = "import sys; print('reads', flush=True); print(sys.stdin.read())"
    with (
        agent(home) as process,
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, code],
            env={**os.environ, "STOPGAP_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running,
    ):
        assert running.stdout
        assert running.stdout.readline() == "reads\n"
        process.kill()
        said, told = running.communicate("the rest", LONG)
    assert said == "the rest\n"
    assert "the agent ended before this command did" in told
    assert running.returncode == 1


def test_a_client_that_is_gone_before_its_last_word_has_nothing_run(home: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    told = "from stopgap.orchestrator.agent.request import interpreter as i; import sys; sys.stdout.buffer.write(i())"
    same = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True).stdout
    request = Request(
        same, (b"-c", f"open({str(made)!r}, 'w')".encode()), (), (b"utf-8", b"strict") * 3, (), 0o77, (-1, 0, 1, 2)
    )
    folder = os.open("/", os.O_PATH)
    with agent(home) as process, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(LONG)
        connection.connect(str(home / "agent.sock"))
        send(connection, request, (folder, 0, 1, 2))
        word, number = connection.recv(64).split()
        assert word == b"process"
        connection.close()
        await_(lambda: not is_there(int(number)))
        assert process.poll() is None
    os.close(folder)
    assert not made.exists()


def test_code_that_changed_on_disk_ends_the_agent_and_the_command_runs_by_itself(home: Path, tmp_path: Path) -> None:
    module = tmp_path / "loaded_for_a_test.py"
    module.write_text("")
    sys.path.insert(0, str(tmp_path))
    try:
        __import__("loaded_for_a_test")
        is_current = currency()
        assert is_current()
        module.write_text("changed = True")
        assert not is_current()
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["loaded_for_a_test"]


def test_an_agent_ends_after_a_time_without_a_command(home: Path) -> None:
    with agent(home, idle=0.05) as process:
        assert process.wait(LONG) == 0
    assert not (home / "agent.sock").exists()


def test_a_socket_that_nobody_listens_at_is_replaced_and_one_in_use_is_refused(home: Path) -> None:
    path = home / "agent.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert not answers(path)
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert process_of(path) == os.getpid()
        with pytest.raises(Error, match="an agent is there already"):
            listen(path)


def test_a_path_that_no_socket_can_have_is_refused_with_what_to_do(home: Path) -> None:
    with pytest.raises(Error, match="set STOPGAP_HOME to a shorter one"):
        listen(home / ("x" * 120))


def test_a_process_differs_from_itself_in_nothing() -> None:
    assert difference(os.getpid()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
@pytest.mark.parametrize("kind", ["net", "mnt", "uts"])
def test_a_client_in_another_namespace_runs_its_command_itself(home: Path, kind: str) -> None:
    option = {"net": "--net", "mnt": "--mount", "uts": "--uts"}[kind]
    with agent(home):
        done = subprocess.run(
            ["unshare", option, "--", sys.executable, "-c", CLIENT, "print('taken')"],
            env={**os.environ, "STOPGAP_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    assert done.stderr == "in a process of its own\n"


def test_a_client_of_another_interpreter_runs_its_command_itself(home: Path) -> None:
    with agent(home):
        done = subprocess.run(
            [sys.executable, "-B", "-c", CLIENT, "print('taken')"],
            env={**os.environ, "STOPGAP_HOME": str(home), "PYTHONPATH": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    assert done.stderr == "in a process of its own\n"


def test_a_command_has_the_limits_of_who_typed_it(home: Path) -> None:
    import resource

    code = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    with agent(home):
        done = client(code, home, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (700, 800)))
    assert done.stdout == "700 800\n", done.stderr


def test_a_request_comes_out_as_it_went_in() -> None:
    request = Request(b"python", (b"a", b"", b"\xff\n"), (b"A=1",), (b"utf-8",), (1, 3), 0o22, (-1, 0, 7))
    ours, its = socket.socketpair()
    with ours, its:
        send(ours, request, (0, 0, 0))
        got, descriptors = receive(its)
    for descriptor in descriptors:
        os.close(descriptor)
    assert got == request
    assert len(descriptors) == 3


@pytest.mark.parametrize("sent", [b"", b"x" * 64, b"99999999".ljust(64), b"-1".ljust(64), b"9".ljust(64) + b"\0" * 9])
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    ours, its = socket.socketpair()
    with its:
        with ours:
            ours.sendall(sent)
        with pytest.raises((ValueError, EOFError)):
            receive(its)


def stopgap(home: Path, *words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STOPGAP), *words],
        env={**os.environ, "STOPGAP_HOME": str(home), **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG * 2,
    )


@pytest.mark.parametrize(
    "words", [["runs"], ["tasks", "host.file"], ["check", "contain"], ["no-such-command"], ["show", "last"]]
)
def test_the_installed_program_says_the_same_with_and_without_an_agent(home: Path, words: Sequence[str]) -> None:
    alone = stopgap(home, *words)
    assert stopgap(home, "agent", "start").returncode == 0
    try:
        beside = stopgap(home, *words)
        japanese = stopgap(home, "runs", environ={"STOPGAP_LANG": "ja"})
        again = stopgap(home, "agent", "start")
    finally:
        stopped = stopgap(home, "agent", "stop")
    assert (beside.stdout, beside.stderr, beside.returncode) == (alone.stdout, alone.stderr, alone.returncode)
    assert (
        japanese.stdout
        == stopgap(home, "runs", environ={"STOPGAP_LANG": "ja"}).stdout
        != stopgap(home, "runs").stdout
    )
    assert again.returncode == 1
    assert "an agent is there already" in again.stderr
    assert stopped.stdout.startswith("No agent.")
    assert not (home / "agent.sock").exists()


def test_a_command_that_serves_runs_by_itself_as_systemd_knows_it_by_its_number(home: Path) -> None:
    assert stopgap(home, "agent", "start").returncode == 0
    try:
        with subprocess.Popen(
            [str(STOPGAP), "serve", "--socket", str(home / "page")],
            env={**os.environ, "STOPGAP_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as serving:
            await_((home / "page").exists)
            with socket.socket(socket.AF_UNIX) as asking:
                asking.connect(str(home / "page"))
                peer = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            serving.terminate()
            serving.communicate(timeout=LONG)
    finally:
        stopgap(home, "agent", "stop")
    assert int.from_bytes(peer[:4], sys.byteorder) == serving.pid


def test_no_agent_is_nothing_to_stop(home: Path) -> None:
    done = stopgap(home, "agent", "stop")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("stopgap: no agent listens at ")
