"""ssh_config(5) of the operator, read by the real ssh(1), for logins over the default transport."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.remote import Item, Unreachable, connect
from stopgap.orchestrator.source import InvalidInput

from .ssh_agent import agent
from .ssh_server import Server, make_key, needs_sshd, serving

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd"), "AllowTcpForwarding yes") as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that ssh(1) reads: of the home folder of the test, where ssh(1) itself asks the password database."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/.ssh/config "$@"\n')
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    (tmp_path / ".ssh").mkdir()
    return tmp_path / ".ssh" / "config"


def alias(server: Server, name: str = "web-prod", *more: str) -> str:
    lines = (
        f"Host {name}",
        "HostName 127.0.0.1",
        f"Port {server.port}",
        f"User {server.host().user}",
        f"IdentityFile {server.folder}/id",
        f"UserKnownHostsFile {server.folder}/known_hosts",
        *more,
    )
    return "\n  ".join(lines) + "\n"


def inventory(text: str) -> dict[str, Host]:
    return dict(parse_inventory(text, "inventory.yaml").hosts)


def answer(name: str, hosts: dict[str, Host]) -> bytes:
    session = connect(hosts[name], hosts)
    try:
        return bytes(session.exchange([Item("echo in")])[0].stdout.raw)
    finally:
        session.close()


def refusal(name: str, hosts: dict[str, Host]) -> Unreachable:
    with pytest.raises(Unreachable) as raised:
        connect(hosts[name], hosts)
    return raised.value


def test_an_alias_gives_address_port_user_key_and_host_keys(server: Server, config: Path):
    config.write_text(alias(server))
    assert answer("web", inventory("hosts: {web: {address: web-prod, ssh_config: true}}")) == b"in\n"
    named = "{defaults: {ssh_config: true}, hosts: {web: {address: 192.0.2.1, ssh_config: web-prod}}}"
    assert answer("web", inventory(named)) == b"in\n"


def test_without_it_the_file_is_not_read(server: Server, config: Path):
    config.write_text(alias(server))
    hosts = inventory(f"hosts: {{web: {{address: web-prod, known_hosts: {server.folder}/known_hosts}}}}")
    assert refusal("web", hosts).kind in {"name", "identity"}


def test_what_the_inventory_says_goes_before_what_the_file_says(server: Server, config: Path, tmp_path: Path):
    config.write_text(alias(server))
    said = [("user", "nobody-here", "nobody-here"), ("port", "1", "port 1 refuses")]
    for key, value, shown in said:
        hosts = inventory(f"hosts: {{web: {{address: web-prod, ssh_config: true, {key}: {value}}}}}")
        assert shown in refusal("web", hosts).reason
    key = make_key(tmp_path / "stranger")
    hosts = inventory(f"hosts: {{web: {{address: web-prod, ssh_config: true, identity: {key}}}}}")
    assert refusal("web", hosts).kind == "auth"


def test_jump_hosts_of_the_file_lead_the_way_each_with_its_own_settings(server: Server, config: Path):
    """The last hop answers as another user's, so that a login without the file's User would not pass."""
    config.write_text(
        alias(server, "inner", "ProxyJump gate") + alias(server, "gate", "ProxyJump outer") + alias(server, "outer")
    )
    before = server.logins
    assert answer("web", inventory("hosts: {web: {address: inner, ssh_config: true}}")) == b"in\n"
    assert server.logins == before + 3


def test_jump_hosts_in_a_circle_end_with_their_name(server: Server, config: Path):
    config.write_text(alias(server, "one", "ProxyJump two") + alias(server, "two", "ProxyJump one"))
    failure = refusal("web", inventory("hosts: {web: {address: one, ssh_config: true}}"))
    assert "lead in a circle at" in failure.reason


def test_a_proxy_command_is_named_with_the_transport_that_runs_it(server: Server, config: Path):
    config.write_text(alias(server, "web-prod", "ProxyCommand nc -X 5 %h %p"))
    failure = refusal("web", inventory("hosts: {web: {address: web-prod, ssh_config: true}}"))
    assert "its ProxyCommand of ssh_config(5) runs with `transport: openssh` alone" in failure.reason
    config.write_text(alias(server, "web-prod", "ProxyCommand ssh -W %h:%p gate") + alias(server, "gate"))
    assert answer("web", inventory("hosts: {web: {address: web-prod, ssh_config: true}}")) == b"in\n"


def test_the_name_of_the_host_key_and_the_agent_of_the_file_are_used(server: Server, config: Path, tmp_path: Path):
    pinned = (server.folder / "known_hosts").read_text().split(maxsplit=1)[1]
    (tmp_path / "known").write_text(f"the-web {pinned}")
    with agent(tmp_path) as running:
        running.add(server.folder / "id")
        config.write_text(
            f"Host web-prod\n HostName 127.0.0.1\n Port {server.port}\n HostKeyAlias the-web\n"
            f" IdentityAgent {running.address}\n UserKnownHostsFile {tmp_path}/none {tmp_path}/known\n"
        )
        assert answer("web", inventory("hosts: {web: {address: web-prod, ssh_config: true}}")) == b"in\n"
        config.write_text(config.read_text() + " IdentitiesOnly yes\n")
        assert refusal("web", inventory("hosts: {web: {address: web-prod, ssh_config: true}}")).kind == "identity"


def test_a_mistake_in_the_file_is_told_with_its_line(config: Path):
    config.write_text("Host *\n  Porto 22\n")
    failure = refusal("web", inventory("hosts: {web: {address: web-prod, ssh_config: true}}"))
    assert f"{config}: line 2: Bad configuration option: porto" in failure.reason


def test_an_alias_that_would_be_an_option_is_refused():
    with pytest.raises(InvalidInput):
        inventory("hosts: {web: {address: 192.0.2.1, ssh_config: -oProxyCommand=touch /tmp/x}}")
