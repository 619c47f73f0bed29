"""The framed exchange over ssh(1) of this machine, at a real OpenSSH server: same answers, and nothing left."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.remote import Item, Limits, Unreachable, connect
from stopgap.orchestrator.remote.openssh.configuration import FIXED, configuration
from stopgap.orchestrator.source import InvalidInput

from .ssh_agent import agent
from .ssh_server import Server, make_key, needs_sshd, serving, wait_until

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd"), "AllowTcpForwarding yes", "AllowAgentForwarding yes") as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process of ssh(1) and no folder outlives a session, however it ended."""
    made: list[str] = []
    make = tempfile.mkdtemp
    monkeypatch.setattr("tempfile.mkdtemp", lambda *given, **named: made.append(make(*given, **named)) or made[-1])
    yield
    wait_until(lambda: not clients())
    assert not [folder for folder in made if "stopgap-ssh" in folder and Path(folder).exists()]


def clients() -> list[str]:
    """The processes of ssh(1) that this process has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [child for child in children if Path(f"/proc/{child}/comm").read_text() == "ssh\n"]


def over_ssh(server: Server, **changes: object) -> Host:
    return server.host(transport="openssh", **changes)


def refusal(host: Host, hosts: dict[str, Host] | None = None, limits: Limits = Limits()) -> Unreachable:  # noqa: B008
    with pytest.raises(Unreachable) as raised:
        connect(host, hosts or {}, limits)
    return raised.value


def test_items_come_apart_and_the_host_key_is_known(server: Server):
    session, other = connect(over_ssh(server), {}), connect(server.host(), {})
    outputs = session.exchange([Item("head -c 300000 /dev/urandom | tee /dev/stderr | wc -c; exit 4"), Item("id -u")])
    assert (outputs[0].status, outputs[0].stdout.raw.strip(), len(outputs[0].stderr.raw)) == (
        4, b"300000", Limits().stderr,
    )  # fmt: skip
    assert outputs[1].stdout.raw == f"{os.getuid()}\n".encode()
    assert session.fingerprint == other.fingerprint
    for each in (session, other):
        each.close()
        assert not each.alive


def test_all_exchanges_go_over_one_login(server: Server):
    before = server.logins
    session = connect(over_ssh(server), {})
    assert [session.exchange([Item(f"echo {n}")])[0].stdout.raw for n in range(5)] == [b"%d\n" % n for n in range(5)]
    session.close()
    assert server.logins == before + 1


def test_an_overdue_item_ends_and_the_session_goes_on(server: Server):
    session = connect(over_ssh(server), {})
    outputs = session.exchange([Item("sleep 710", deadline=0.5), Item("echo on")])
    assert [(output.status, output.stdout.raw) for output in outputs] == [(None, b""), (0, b"on\n")]
    session.close()


def test_a_connection_that_breaks_is_not_made_anew_behind_the_sessions_back(tmp_path: Path):
    with serving(tmp_path) as server:
        session = connect(over_ssh(server), {})
        server.cut_all()
        wait_until(lambda: not session.alive)
        assert session.exchange([Item("echo again")])[0].status is None
        assert server.logins == 1
        session.close()


def test_jump_hosts_of_the_inventory_lead_the_way_each_with_its_own_key(server: Server, tmp_path: Path):
    key = make_key(tmp_path / "other key")
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(Path(f"{key}.pub").read_text())
    gate = server.host(name="gate", identity=key)
    session = connect(over_ssh(server, jump="gate"), {"gate": gate})
    assert session.exchange([Item("echo in")])[0].stdout.raw == b"in\n"
    session.close()
    assert "leads nowhere" in refusal(over_ssh(server, jump="gone"), {}).reason
    stranger = server.host(name="gate", identity=make_key(tmp_path / "stranger"))
    assert (
        "a jump host on the way does not let in" in refusal(over_ssh(server, jump="gate"), {"gate": stranger}).reason
    )


def test_each_refusal_has_its_kind_and_its_remedy(server: Server, tmp_path: Path):
    said = refusal(over_ssh(server, known_hosts=tmp_path / "none"))
    assert (said.kind, "unknown host key SHA256:" in said.reason) == ("host-key", True)
    key = " ".join(Path(f"{make_key(tmp_path / 'key')}.pub").read_text().split()[:2])
    (tmp_path / "changed").write_text(f"[127.0.0.1]:{server.port} {key}\n")
    said = refusal(over_ssh(server, known_hosts=tmp_path / "changed"))
    assert (said.kind, "HOST KEY CHANGED: it shows SHA256:" in said.reason) == ("host-key", True)
    assert refusal(over_ssh(server, identity=tmp_path / "key")).kind == "auth"
    assert refusal(over_ssh(server, port=1)).kind == "refused"
    assert refusal(over_ssh(server, address="a..b")).kind == "name"
    locked = make_key(tmp_path / "locked", passphrase="nobody types it")
    assert "hold it in the agent: ssh-add" in refusal(over_ssh(server, identity=locked)).reason


@pytest.mark.parametrize("transport", ["openssh", "paramiko"])
def test_a_server_that_hung_up_is_said_to_though_it_is_silent_from_then_on(server: Server, transport: str):
    """The time runs out while a later attempt waits; the first one tells more."""

    def hang_up_once() -> None:
        listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(hang_up_once)
        host = server.host(transport=transport, port=listener.getsockname()[1])
        said = refusal(host, limits=Limits(connect=4))
    assert (said.kind, "hangs up" in said.reason) == ("protocol", True), said.reason


def test_the_agent_signs_for_the_named_key_alone_and_no_channel_leads_back_to_it(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with agent(tmp_path) as held:
        key = tmp_path / "key"
        shutil.copy(server.folder / "id", key)
        shutil.copy(server.folder / "id.pub", tmp_path / "key.pub")
        held.add(make_key(tmp_path / "stranger"))
        held.add(key)
        key.unlink()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(held.address))
        session = connect(over_ssh(server, identity=tmp_path / "key.pub"), {})
        assert session.exchange([Item('echo "${SSH_AUTH_SOCK-none}"')])[0].stdout.raw == b"none\n"
        session.close()
        assert held.signatures == 1


def test_no_file_of_the_operator_undoes_what_ssh_must_not_do(tmp_path: Path):
    own = tmp_path / "config"
    own.write_text(
        "Host *\n ForwardAgent yes\n ForwardX11 yes\n PermitLocalCommand yes\n LocalCommand touch /nowhere\n"
        " StrictHostKeyChecking no\n BatchMode no\n EscapeChar ~\n RequestTTY force\n LocalForward 1 a:2\n"
        " ControlMaster auto\n ControlPath /nowhere/%C\n RemoteCommand id\n UpdateHostKeys yes\n Tunnel yes\n"
    )
    host = Host(name="web", address="web-prod", transport="openssh", ssh_config=True)
    text = configuration(host, {}).text
    included = next(line for line in text.splitlines() if "Include" in line and ".ssh/config" in line)
    (tmp_path / "made").write_text(text.replace(included, f"  Include {own}"))
    said = subprocess.run(
        ["ssh", "-F", tmp_path / "made", "-G", "web-prod"], capture_output=True, text=True, check=True
    ).stdout
    effective = dict(line.partition(" ")[::2] for line in said.splitlines())
    assert effective["hostname"] == "web-prod"
    spelled = {"yes": {"yes", "true"}, "no": {"no", "false"}, "none": {"none"}}
    for key, value in FIXED.items():
        if key not in {"LogLevel", "RemoteCommand", "ControlPath"}:
            assert effective.get(key.lower(), value) in spelled.get(value, {value}), key
    assert "remotecommand" not in effective
    assert "controlpath" not in effective
    assert "localforward" not in effective


def test_a_silent_server_ends_at_the_deadline_and_a_cancel_is_heeded(server: Server):
    silent = socket.create_server(("127.0.0.1", 0))
    host = over_ssh(server, port=silent.getsockname()[1])
    with silent:
        assert refusal(host, limits=Limits(connect=0.5)).kind == "timeout"
        cancelled = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(connect, host, {}, Limits(), cancelled)
            silent.accept()
            cancelled.set()
            with pytest.raises(Unreachable, match="cancelled"):
                asked.result(timeout=60)


def test_closing_from_another_thread_ends_an_exchange(server: Server):
    session = connect(over_ssh(server), {})
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(session.exchange, [Item("sleep 711", deadline=600)])
        time.sleep(0.2)
        session.close()
        assert asked.result(timeout=60)[0].status is None


def test_a_device_without_a_shell_is_spoken_to_by_the_default_transport_alone():
    text = "hosts: {edge: {address: 10.9.0.1, driver: vyos, transport: openssh}}"
    with pytest.raises(InvalidInput, match="command line of a device"):
        parse_inventory(text, "inventory.yaml")
