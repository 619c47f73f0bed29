"""Each account and each server of a real box: what Stopgap does, or says with the way out, stands in the tables."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest

from .accounts import ACCOUNTS, Account
from .box import Box, box
from .servers import SERVERS, Server

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, ("mmdebstrap", "unshare", "nsenter", "ip"))),
        reason="boots a Debian in a namespace, as root",
    ),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.fixture(scope="module", params=["paramiko", "openssh"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def accounts(running: Box, transport: str) -> dict[str, str]:
    return running.ask(
        [running.host(name=a.name, user=a.name, port=2201, transport=transport, **a.inventory) for a in ACCOUNTS]
    )


@pytest.fixture(scope="module")
def servers(running: Box, transport: str) -> dict[str, str]:
    return running.ask(
        [running.host(name=f"port-{s.port}", port=s.port, transport=transport, **s.inventory) for s in SERVERS]
    )


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_an_account(account: Account, accounts: dict[str, str]) -> None:
    answer = accounts[account.name]
    assert re.fullmatch(account.expect, answer, re.DOTALL), answer


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.about)
def test_a_server(server: Server, servers: dict[str, str], transport: str) -> None:
    answer = servers[f"port-{server.port}"]
    expect = server.openssh if transport == "openssh" and server.openssh else server.expect
    assert re.fullmatch(expect, answer, re.DOTALL), answer


@pytest.mark.parametrize("transport", ["paramiko", "openssh"], indirect=True)
def test_su_takes_the_password_of_root(running: Box, transport: str) -> None:
    password = {"transport": transport, "driver": "nftables", "become": "su", "become_password": "env:SUDO_PASSWORD"}
    host = running.host(name="su", user="dash", port=2201, **password)
    assert running.ask([host]) == {"su": "in as root"}


@pytest.mark.parametrize(("user", "become"), [("sudopw", "sudo"), ("dash", "su")])
def test_a_wrong_password_is_told_and_sent_once(user: str, become: str, running: Box) -> None:
    password = {"driver": "nftables", "become": become, "become_password": "env:HOME"}
    answer = running.ask([running.host(name="wrong", user=user, port=2201, **password)])["wrong"]
    assert answer.startswith(f"unreachable (sudo): {become} is refused")
    assert str(running.keys) not in answer


def test_a_password_that_nobody_asks_for_is_not_sent(running: Box) -> None:
    """The account may become root without one: its shell would take the password for a command."""
    password = {"driver": "nftables", "become": "sudo", "become_password": "env:SUDO_PASSWORD"}
    host = running.host(name="free", user="sudoall", port=2201, **password)
    assert running.ask([host]) == {"free": "in as root"}


def test_sha1_alone_is_logged_in_to_by_the_operators_own_configuration(running: Box) -> None:
    running.ssh_config.write_text(
        f"Host old\n HostName 127.0.0.1\n Port 2204\n User root\n IdentityFile {running.keys}/rsa\n"
        f" UserKnownHostsFile {running.keys}/known_hosts\n KexAlgorithms +diffie-hellman-group14-sha1\n"
        " HostKeyAlgorithms +ssh-rsa\n PubkeyAcceptedAlgorithms +ssh-rsa\n"
    )
    old = {"name": "old", "address": "old", "ssh_config": True}
    assert running.ask([{**old, "transport": "openssh"}]) == {"old": "in as root"}
    assert "`transport: openssh` may know one" in running.ask([old])["old"]
