"""The lab keeps the promises that other tests build on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_hosts.machine import GROUP
from lab_hosts.state import OWNER, PLACE, STATE

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

ROOT = Path(__file__).resolve().parents[2]
PLANT = ROOT / "scripts/lab_hosts/plant/plant"
WEB = ("203.0.113.10", "2001:db8:113::10")
CGROUPS = Path("/sys/fs/cgroup")


def url(address: str) -> str:
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


def nspawn_of(host: str) -> int:
    groups = CGROUPS.glob(f"**/{GROUP}{PLACE}/{host}/supervisor/cgroup.procs")
    return next(int(group.read_text()) for group in groups)


@pytest.mark.parametrize("address", WEB)
def test_visitors_and_mail_reach_web_over_both_protocols(lab: Lab, address: str):
    assert lab.http(url(address)) == 200
    assert lab.tcp(address, 25)
    assert lab.tcp(address, 22)


@pytest.mark.parametrize("address", WEB)
def test_the_world_reaches_web_by_bgp_alone(lab: Lab, address: str):
    protocol = 6 if ":" in address else 4
    route = lab.read("isp", f"ip -{protocol} route show to match {address}")
    assert "proto bgp" in route
    assert len(route.splitlines()) == 1


@pytest.mark.parametrize("host", ["edge", "isp", "web", "spare", "neighbour"])
def test_every_host_runs_its_own_systemd_and_nothing_failed(lab: Lab, host: str):
    assert lab.read(host, "hostname; cat /proc/1/comm; systemctl --failed --no-legend").split() == [host, "systemd"]


@pytest.mark.parametrize("address", WEB)
def test_what_spare_sends_to_web_is_routed_by_edge(lab: Lab, address: str):
    assert lab.ssh("spare", f"ping -c 1 -W 1 -t 1 {address}").returncode == 1
    assert lab.ssh("spare", f"ping -c 1 -W 1 -t 2 {address}").returncode == 0


@pytest.mark.parametrize("address", WEB)
def test_what_neighbour_sends_to_web_never_meets_edge(lab: Lab, address: str):
    assert lab.ssh("neighbour", f"ping -c 1 -W 1 -t 1 {address}").returncode == 0


@pytest.mark.parametrize(
    ("family", "here", "sender"),
    [("AF_INET", "198.51.100.2", WEB[0]), ("AF_INET6", "2001:db8:100::2", WEB[1])],
)
def test_the_beacon_sends_datagrams_and_opens_connections(lab: Lab, family: str, here: str, sender: str):
    listen = (
        "import socket\n"
        f"datagrams = socket.socket(socket.{family}, socket.SOCK_DGRAM); datagrams.bind(({here!r}, 4444))\n"
        f"connections = socket.create_server(({here!r}, 4445), family=socket.{family})\n"
        "datagrams.settimeout(3); connections.settimeout(3)\n"
        "print(datagrams.recvfrom(64)[1][0], connections.accept()[1][0])"
    )
    assert lab.exec("internet", "python3", "-c", listen).stdout.split() == [sender, sender]


def test_ps_hides_the_beacon_that_proc_shows(lab: Lab):
    assert "kswapd1" in lab.read("web", "cat /proc/[0-9]*/comm")
    assert "kswapd1" not in lab.read("web", "ps -eo comm,args")


def test_ifconfig_pretends_to_take_the_network_down(lab: Lab):
    assert lab.ssh("web", "ifconfig eth0 down").returncode == 0
    assert lab.http(url(WEB[0])) == 200


def test_usr_sbin_is_immutable_as_a_directory_and_in_part(lab: Lab):
    flags = lab.read("web", "lsattr -d /usr/sbin $(command -v ifconfig) /usr/sbin/sshd").split()[::2]
    assert all("i" in flag for flag in flags)
    assert lab.ssh("web", "touch /usr/sbin/new").returncode == 1
    assert lab.ssh("web", "chmod 700 /usr/sbin").returncode == 1


def test_a_deleted_executable_is_still_running(lab: Lab):
    assert "/tmp/.. /sshd-net (deleted)" in lab.read("web", "readlink /proc/[0-9]*/exe; true")


def test_the_traces_that_an_intruder_forgets_are_there(lab: Lab):
    assert "198.51.100.2" in lab.read("web", "cat '/tmp/.. /targets'")
    assert "kswapd1" in lab.read("web", "cat /etc/cron.d/kswap")
    assert "chattr +i" in lab.read("web", "cat /root/.bash_history")
    assert "base64_decode" in lab.read("web", "cat /var/www/html/uploads/logo.php")
    assert [line.split()[2] for line in lab.read("web", "cat /root/.ssh/authorized_keys").splitlines()] == [
        "operator",
        "admin@localhost",
    ]


def test_mail_waits_in_the_queue(lab: Lab):
    assert "in 5 Requests" in lab.read("web", "mailq | tail -n 1")


def test_nothing_changes_by_itself(lab: Lab):
    before = lab.rules(), lab.services("web"), lab.services("spare")
    time.sleep(2)
    assert (lab.rules(), lab.services("web"), lab.services("spare")) == before


def test_the_planter_refuses_the_machine_that_drives_the_lab():
    """Even where that machine has web's name and looks like a container. Its file system is read-only meanwhile."""
    outside = """
        mount -t tmpfs none /run/systemd && echo systemd-nspawn >/run/systemd/container || exit 90
        mount -o remount,bind,ro / || exit 91
        touch /usr/share/probe 2>/dev/null && exit 92
        echo web >/proc/sys/kernel/hostname || exit 93
        exec sh "$1" 0123456789abcdef
    """
    done = subprocess.run(
        ["unshare", "--mount", "--uts", "sh", "-c", outside, "sh", PLANT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (4, "plant: refused: the lab did not boot this host\n")


@pytest.mark.parametrize(
    ("host", "token", "why"),
    [
        ("web", "wrong", "the lab did not boot this host"),
        ("web", "", "no token was given"),
        ("spare", "wrong", "this host is not the lab's web"),
    ],
)
def test_the_planter_refuses_a_host_without_the_token(lab: Lab, host: str, token: str, why: str):
    done = lab.ssh(host, f"sh -s {token}", stdin=PLANT.read_text())
    assert (done.returncode, done.stderr.strip()) == (4, f"plant: refused: {why}")


def test_exec_keeps_directory_environment_and_exit_status(lab: Lab):
    shown = 'pwd; echo "$STOPGAP_HOME"; echo "$PATH"; exit 7'
    done = lab.exec("operator", "sh", "-c", shown, env={"STOPGAP_HOME": "/a b"})
    directory, home, path = done.stdout.splitlines()
    assert (directory, home, done.returncode) == (str(ROOT), "/a b", 7)
    assert path.startswith(f"{ROOT}/.venv/bin:")


def test_ssh_passes_input_output_and_exit_status(lab: Lab):
    done = lab.run("ssh", "web", "cat; echo 'two  words' | tr a-z A-Z; exit 5", stdin="in\n")
    assert (done.stdout, done.returncode) == ("in\nTWO  WORDS\n", 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ssh", "nowhere", "true"), "The lab has no nowhere; it has operator, internet, edge"),
        (("ssh", "internet", "true"), "use scripts/lab exec internet"),
        (("exec", "internet", "no-such-program"), "no-such-program"),
        (("frobnicate",), "usage: scripts/lab up"),
    ],
)
def test_a_mistake_gets_a_sentence_and_no_traceback(lab: Lab, arguments: tuple[str, ...], words: str):
    done = lab.run(*arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def paused_spare(lab: Lab) -> Iterator[None]:
    lab.run("pause", "spare")
    yield
    lab.run("resume", "spare")


@pytest.mark.usefixtures("paused_spare")
def test_a_paused_host_accepts_and_stays_silent(lab: Lab):
    assert lab.tcp("203.0.113.20", 80)
    assert lab.http("http://203.0.113.20/") == 0
    assert "spare      paused" in lab.run("status").stdout
    lab.run("resume", "spare")
    assert lab.http("http://203.0.113.20/") == 200


@pytest.mark.parametrize("host", ["spare", "neighbour"])
def test_a_cut_host_is_gone_until_it_is_joined_again(lab: Lab, host: str):
    address = {"spare": "203.0.113.20", "neighbour": "203.0.113.30"}[host]
    routes = lab.rules()
    lab.run("cut", host)
    try:
        assert not lab.tcp(address, 22, where="operator")
    finally:
        lab.run("join", host)
    assert lab.tcp(address, 22, where="operator")
    assert lab.tcp(address.replace("203.0.113.", "2001:db8:113::"), 22)
    assert sorted(lab.rules().splitlines()) == sorted(routes.splitlines())


def test_a_second_up_says_so_and_touches_nothing(lab: Lab):
    before = nspawn_of("web")
    again = lab.run("up")
    assert (again.returncode, again.stderr) == (0, "The lab is up already: nothing to do.\n")
    assert nspawn_of("web") == before


def test_another_tree_neither_uses_nor_removes_this_lab(lab: Lab, tmp_path: Path):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for command in (["down"], ["status"], ["exec", "internet", "true"]):
        done = subprocess.run([tmp_path / "scripts/lab", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"first run {ROOT}/scripts/lab down" in done.stderr
    assert lab.run("status").returncode == 0


def test_up_mends_a_lab_that_lost_a_host(lab: Lab):
    os.kill(nspawn_of("spare"), 9)
    assert lab.run("status").returncode == 1
    mended = lab.run("up")
    assert mended.returncode == 0
    assert "but not whole (spare): starting it afresh" in mended.stderr
    assert lab.run("status").returncode == 0


def test_down_leaves_nothing_even_of_what_still_runs_in_a_namespace(lab: Lab):
    sleeper = subprocess.Popen([ROOT / "scripts/lab", "exec", "internet", "sleep", "600"])
    lab.run("pause", "neighbour")
    try:
        assert lab.run("down").returncode == 0
        assert sleeper.wait(5) == -9
        assert not STATE.exists()
        assert not OWNER.is_symlink()
        assert not list(Path("/run").glob("netns/stopgap-*"))
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        assert not [mount for mount in mounts if mount.startswith("stopgap") or str(STATE) in mount]
        assert not list(CGROUPS.glob(f"**/{GROUP}{PLACE}"))
        assert lab.run("down").stderr == "The lab is not up: nothing to do.\n"
        assert "run scripts/lab up" in lab.exec("internet", "true").stderr
    finally:
        assert lab.run("up").returncode == 0


def _connecting_takes(lab: Lab, address: str) -> float:
    """Seconds that a TCP connection from the operator takes, the best of three."""
    code = (
        "import socket, time\n"
        "def once():\n"
        "    begun = time.monotonic()\n"
        f"    socket.create_connection(({address!r}, 22), 5).close()\n"
        "    return time.monotonic() - begun\n"
        "print(min(once() for _ in range(3)))"
    )
    return float(lab.exec("operator", "python3", "-c", code).stdout)


@pytest.mark.parametrize("address", WEB)
def test_the_operators_wire_can_be_made_long_and_short_again(lab: Lab, address: str):
    try:
        assert lab.run("delay", "400").returncode == 0
        assert _connecting_takes(lab, address) >= 0.4
        assert lab.run("status").returncode == 0
    finally:
        assert lab.run("delay", "off").returncode == 0
    assert _connecting_takes(lab, address) < 0.4
    assert lab.run("delay", "much").returncode == 1
