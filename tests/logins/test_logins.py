"""Each account and each server of a real Debian: Stopgap does, or says with the way out, what the tables tell.

One test logs in at all of them at once: a Debian that boots for each row would take minutes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .accounts import ACCOUNTS
from .box import Box, box
from .hosts import HOSTS
from .servers import SERVERS
from .table import written

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("mmdebstrap", "unshare", "nsenter", "ip"))),
    reason="boots a Debian in a namespace, as root",
)
ROUTER = {"driver": "nftables", "may_block": ["203.0.113.0/24"]}


@pytest.fixture(scope="module")
def running() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_every_login_is_answered_as_its_row_says(running: Box, transport: str) -> None:
    asked = [running.host(name=a.name, user=a.name, port=2201, transport=transport, **a.inventory) for a in ACCOUNTS]
    asked += [running.host(name=f"p{s.port}", port=s.port, transport=transport, **s.inventory) for s in SERVERS]
    rows = {a.name: a.expect for a in ACCOUNTS}
    rows |= {f"p{s.port}": s.openssh if transport == "openssh" and s.openssh else s.expect for s in SERVERS}
    said = running.ask(asked)
    assert {name: said[name] for name in rows if not re.fullmatch(rows[name], said[name], re.DOTALL)} == {}


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_password_goes_to_whoever_asks_for_it_and_once(running: Box, transport: str) -> None:
    def router(name: str, user: str, become: str, password: str) -> dict[str, object]:
        more = {"become": become, "become_password": password, "transport": transport, **ROUTER}
        return running.host(name=name, user=user, port=2201, **more)

    said = running.ask(
        [
            router("su", "dash", "su", "env:SUDO_PASSWORD"),
            router("wrong for sudo", "sudopw", "sudo", "env:HOME"),
            router("wrong for su", "dash", "su", "env:HOME"),
            router("not asked", "sudoall", "sudo", "env:SUDO_PASSWORD"),
        ]
    )
    assert said["su"] == said["not asked"] == "in as root"
    for become in ("sudo", "su"):
        assert said[f"wrong for {become}"].startswith(f"unreachable (sudo): {become} is refused")
        assert str(running.keys) not in said[f"wrong for {become}"]


def test_sha1_alone_is_logged_in_to_by_the_operators_own_configuration(running: Box) -> None:
    running.ssh_config.write_text(
        f"Host old\n HostName 127.0.0.1\n Port 2204\n User root\n IdentityFile {running.keys}/rsa\n"
        f" UserKnownHostsFile {running.keys}/known_hosts\n KexAlgorithms +diffie-hellman-group14-sha1\n"
        " HostKeyAlgorithms +ssh-rsa\n PubkeyAcceptedAlgorithms +ssh-rsa\n"
    )
    old = {"name": "old", "address": "old", "ssh_config": True}
    assert running.ask([{**old, "transport": "openssh"}]) == {"old": "in as root"}
    assert "`transport: openssh` may know one" in running.ask([old])["old"]


def test_a_proxy_command_of_the_operator_leads_the_way(running: Box) -> None:
    running.ssh_config.write_text(
        f"Host web-prod\n User root\n IdentityFile {running.keys}/ed\n HostKeyAlias [127.0.0.1]:2201\n"
        f" UserKnownHostsFile {running.keys}/known_hosts\n"
        " ProxyCommand bash -c 'exec 3<>/dev/tcp/127.0.0.1/2201; cat <&3 & cat >&3; kill $!'\n"
    )
    host = {"name": "web", "address": "web-prod", "ssh_config": True}
    assert running.ask([{**host, "transport": "openssh"}]) == {"web": "in as root"}
    assert "runs with `transport: openssh` alone" in running.ask([host])["web"]


def test_sudo_for_nft_alone_is_enough_for_a_router(running: Box, tmp_path: Path) -> None:
    """The block is loaded with its rollback timer and proved by its rules; the undo takes all of it back."""
    login = {"user": "sudonft", "sudo_for": ["nft"], **ROUTER}
    edge = running.host(port=2201, **login)
    hosts = {"web": {"address": "203.0.113.10", "upstream": "edge"}, "edge": edge}
    (tmp_path / "inventory.yaml").write_text(json.dumps({"hosts": hosts}))
    step = {"id": "cut", "task": "traffic.block", "with": {"expires": "1h"}}
    (tmp_path / "cut.yaml").write_text(json.dumps({"name": "Cut", "steps": [step]}))
    words = ["-i", str(tmp_path / "inventory.yaml"), "-t", "web", "--yes", "--json"]
    status, said = running.stopgap(tmp_path, "run", str(tmp_path / "cut.yaml"), *words)
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    [finished] = [event for event in events if event["event"] == "step-finished"]
    assert finished["outcome"] == "changed", said
    assert "203.0.113.10" in running.on_host("nft", "list", "ruleset")
    assert running.on_host("sh", "-c", "ls -A /tmp/stopgap-*/*.armed 2>/dev/null || true").strip() == ""
    status, said = running.stopgap(tmp_path, "undo", "last", "--yes")
    assert status == 0, said
    assert "203.0.113.10" not in running.on_host("nft", "list", "ruleset")


@pytest.mark.parametrize("change", ["block", "command"])
def test_a_router_takes_a_change_back_by_sudo_for_nft_where_nobody_confirms_it(
    running: Box, tmp_path: Path, change: str
) -> None:
    """One connection gets through and the confirming one does not; the timer's sleep is then cut short."""
    login = {"user": "sudonft", "sudo_for": ["nft"], **ROUTER}
    hosts = {"web": {"address": "203.0.113.10", "upstream": "edge"}, "edge": running.host(port=2290, **login)}
    (tmp_path / "inventory.yaml").write_text(json.dumps({"hosts": hosts}))
    command = {
        "argv": ["nft", "add", "table", "inet", "stopgap_own"],
        "undo": ["nft", "delete", "table", "inet", "stopgap_own"],
    }
    steps = {
        "block": {"task": "traffic.block", "with": {"expires": "1h"}},
        "command": {"task": "host.command", "on": "upstream", "with": {**command, "rollback_timer": "60s"}},
    }
    (tmp_path / "cut.yaml").write_text(json.dumps({"name": "Cut", "steps": [{"id": "cut", **steps[change]}]}))
    words = ["-i", str(tmp_path / "inventory.yaml"), "-t", "web", "--yes", "--json"]
    with running.gate(2290, once=True), running.started(tmp_path, "run", str(tmp_path / "cut.yaml"), *words) as run:
        running.wait_until("nft list tables | grep -q stopgap")
        running.wait_until("pkill -U sudonft -f -x 'sleep 60'")
        running.wait_until("! nft list tables | grep -q stopgap")
        with running.gate(2290, once=False):
            said = run.communicate()[0]
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [e["outcome"] for e in events if e["event"] == "rollback-timer-settled"] == ["taken-back"], said
    assert run.returncode == 1


@pytest.mark.long
def test_every_odd_host_is_written_to_and_read_as_its_row_says(running: Box, tmp_path: Path) -> None:
    """All are targets of one run; the undo leaves none of them changed."""
    hosts = {h.name: running.host(port=h.port, **h.inventory) for h in HOSTS}
    (tmp_path / "inventory.yaml").write_text(json.dumps({"hosts": hosts}))
    write = {"id": "write", "task": "host.file", "with": {"path": "/etc/stopgap-probe", "content": "x\n"}}
    look = {"id": "look", "task": "evidence.collect", "with": {"profile": "volatile"}}
    steps = [{**step, "on_failure": "continue"} for step in (write, look)]
    (tmp_path / "probe.yaml").write_text(json.dumps({"name": "Probe", "steps": steps}))
    words = ["-i", str(tmp_path / "inventory.yaml"), "-t", "all", "--yes", "--json"]
    _, out = running.stopgap(tmp_path, "run", str(tmp_path / "probe.yaml"), *words)
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    said = {
        (event["target"], event["step"]): f"{event['outcome']} {event['reason']}".strip()
        for event in events
        if event["event"] == "step-finished"
    }
    rows = {(h.name, "write"): h.writes for h in HOSTS} | {(h.name, "look"): h.collects for h in HOSTS}
    assert {
        row: said.get(row, out) for row in rows if not re.fullmatch(rows[row], said.get(row, ""), re.DOTALL)
    } == {}
    status, out = running.stopgap(tmp_path, "undo", "last", "--yes")
    assert status == 0, out


def test_the_page_has_every_row() -> None:
    page = Path(__file__).parents[2] / "docs" / "logins.md"
    assert page.read_text() == written(page.read_text())
