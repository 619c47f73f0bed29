"""Where processes run, and who owns a socket: read from this machine's own /proc, and from what hosts make up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stopgap.orchestrator.facts import Output, Placed, PlacedFact, PlacedProcess, UnreadableError
from stopgap.orchestrator.hosttext import HostText
from stopgap.tasks.host.containers import freeze, is_frozen
from stopgap.tasks.host.place import Container, Place, place_of

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="looks into namespaces of others, as root"
)
LISTEN = "import socket, sys; s = socket.create_server(('0.0.0.0', 25)); print(flush=True); sys.stdin.read()"
ID = "3f2a90c1b7de" + "0" * 52


def look(*words: str) -> PlacedFact:
    done = subprocess.run([*words, "sh", "-c", Placed().script()], capture_output=True, check=False)
    return Placed().parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == "\n"
            yield process
        finally:
            process.stdin.close()


def the_only(facts: PlacedFact, parent: int) -> PlacedProcess:
    (found,) = (process for process in facts.processes if process.parent == parent)
    return found


@as_root
def test_a_listener_in_namespaces_of_its_own_is_found_with_its_process() -> None:
    with started("unshare", "--net", "--pid", "--fork", "--kill-child", sys.executable, "-c", LISTEN) as unshare:
        facts = look()
        found = the_only(facts, unshare.pid)
        assert [(str(listener.address), listener.port) for listener in found.listens] == [("0.0.0.0", 25)]
        here = facts.named(facts.reader)
        assert here
        assert found.pids != here.pids
        assert found.network != here.network
        assert place_of(found, facts).container


@as_root
def test_a_connection_to_a_mail_server_is_told_with_its_process() -> None:
    here = "('127.0.0.1', 25)"
    talk = f"import socket, sys; a = socket.create_server({here}); b = socket.create_connection({here})"
    up = f'ip link set lo up && exec {sys.executable} -c "{talk}; print(flush=True); sys.stdin.read()"'
    with started("unshare", "--net", "sh", "-c", up) as process:
        found = look().named(process.pid)
        assert found
        assert [(str(each.address), each.port) for each in found.talks] == [("127.0.0.1", 25)]


def test_the_folder_of_a_supervisor_is_told_and_no_other(tmp_path: Path) -> None:
    named = "open('/proc/self/comm', 'w').write({!r}); import os; os.chdir({!r}); print(flush=True); os.read(0, 1)"
    words = [(sys.executable, "-c", named.format(name, str(tmp_path))) for name in ("runsv", "other")]
    with started(*words[0]) as supervisor, started(*words[1]) as other:
        facts = look()
    found = [facts.named(process.pid) for process in (supervisor, other)]
    assert [process and process.cwd for process in found] == [str(tmp_path), ""]


@as_root
def test_an_open_file_that_is_called_like_a_socket_owns_none(tmp_path: Path) -> None:
    with started("unshare", "--net", sys.executable, "-c", LISTEN) as server:
        inode = Path(f"/proc/{server.pid}/fd/3").stat().st_ino
        liar = f"f = open({str(tmp_path)!r} + '/5 -> socket:[{inode}]', 'w'); print(flush=True); os.read(0, 1)"
        with started(sys.executable, "-c", liar) as other:
            facts = look()
            found, false = facts.named(server.pid), facts.named(other.pid)
            assert found
            assert false
            assert [listener.port for listener in found.listens] == [25]
            assert false.listens == ()


@as_root
def test_an_account_that_may_not_look_gets_processes_without_places() -> None:
    found = look("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups").named(os.getpid())
    assert found
    assert (found.exe, found.network, found.listens) == ("", 0, ())


@pytest.mark.parametrize(
    "text", ["", "boot\0001\0", "boot\0001\0" + "1 (x) S 0\0\0=0::/\0\0end\n", "boot\0x\0\0end\n"]
)
def test_a_list_that_does_not_end_is_no_list(text: str) -> None:
    with pytest.raises(UnreadableError):
        Placed().parse(Output(HostText(text.encode()), HostText(b""), 0))


@pytest.mark.parametrize(
    ("cgroup", "place"),
    [
        ("0::/system.slice/system-postfix.slice/postfix@-.service", Place("postfix@-.service")),
        ("3:freezer:/;1:name=systemd:/system.slice/exim4.service;0::/", Place("exim4.service")),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", Place("user@1000.service")),
        ("0::/", Place()),
        (
            f"0::/system.slice/docker-{ID}.scope",
            Place("", Container("docker", ID, f"/system.slice/docker-{ID}.scope")),
        ),
        (f"4:freezer:/docker/{ID};0::/", Place("", Container("docker", ID, f"/docker/{ID}"))),
        (
            f"0::/machine.slice/libpod-{ID}.scope/container",
            Place("", Container("podman", ID, f"/machine.slice/libpod-{ID}.scope")),
        ),
        ("0::/machine.slice/libpod-conmon-3f2a.scope", Place("libpod-conmon-3f2a.scope")),
        (
            "0::/lxc.payload.mail/system.slice/x.service",
            Place("", Container("LXC", "mail", "/lxc.payload.mail/system.slice/x.service", system=True)),
        ),
    ],
)
def test_the_control_group_tells_unit_and_container(cgroup: str, place: Place) -> None:
    process = PlacedProcess(pid=7, name="x", cgroup=cgroup)
    assert place_of(process, PlacedFact(processes=(process,))) == place


def a_group() -> Path | None:
    """A control group that can be frozen, of a hierarchy that this machine lets tests use."""
    name = f"stopgap-test-{os.getpid()}"
    for top, file in (("", "cgroup.freeze"), ("unified", "cgroup.freeze"), ("freezer", "freezer.state")):
        path = Path("/sys/fs/cgroup", top, name)
        try:
            path.mkdir()
        except OSError:
            continue
        if (path / file).exists():
            return path
        path.rmdir()
    return None


@as_root
def test_a_container_is_frozen_by_its_group_and_goes_on_after_the_undo() -> None:
    group = a_group()
    if group is None:
        pytest.skip("no control group can be made here")
    try:
        with started("sh", "-c", f"echo $$ >{group}/cgroup.procs && echo && exec cat") as process:
            inside = PlacedProcess(pid=process.pid, name="cat", cgroup=f"0::/{group.name}")
            container = Container("docker", ID, f"/{group.name}")
            change = freeze(container, [inside], PlacedFact(processes=(inside,)), "freeze it")
            assert change
            for _ in range(2):
                subprocess.run(["sh", "-c", change.do_script()], check=True)
            assert is_frozen(container, [inside], look())
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            for _ in range(2):
                subprocess.run(["sh", "-c", change.undo_script()], check=True)
            assert process.stdout.readline() == "\n"
            assert not is_frozen(container, [inside], look())
    finally:
        group.rmdir()


def test_a_group_with_the_operator_s_own_connection_is_never_frozen() -> None:
    shell = PlacedProcess(pid=7, name="sh", parent=5, cgroup="0::/x")
    server = PlacedProcess(pid=9, name="master", cgroup="0::/x")
    facts = PlacedFact(reader=7, processes=(shell, server))
    assert freeze(Container("LXC", "x", "/x", system=True), [server], facts, "freeze it") is None
