"""Host keys that no known_hosts file has, of real servers: accepted by a person, or not; never silently."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.cut.draft import CutAsked, Draft, drafted
from stopgap.orchestrator.cut.host_keys import UnknownKey, with_known_keys
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.remote import Item, connect

from .ssh_server import Server, needs_sshd, serving

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def draft_at(server: Server, *more: str, hosts: tuple[str, ...] = ("203.0.113.10",)) -> Draft:
    return drafted(CutAsked(hosts=hosts, at=(f"{getpass.getuser()}@127.0.0.1:{server.port}", *more)))


def never(key: UnknownKey) -> bool:
    raise AssertionError(f"asked about {key.host}")


def test_an_accepted_key_is_kept_in_a_file_of_stopgaps_own_and_is_known_the_next_time(
    server: Server, tmp_path: Path
) -> None:
    asked: list[UnknownKey] = []
    draft = with_known_keys(draft_at(server), tmp_path, lambda key: not asked.append(key), print)

    shown = subprocess.run(
        ["ssh-keygen", "-lf", server.folder / "host.pub"], capture_output=True, text=True, check=True
    )
    assert asked[0].fingerprint in shown.stdout
    assert asked[0].on_console == "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
    assert (tmp_path / "known_hosts").stat().st_mode & 0o077 == 0

    host = draft.inventory().hosts["127.0.0.1"].model_copy(update={"identity": server.folder / "id"})
    session = connect(host, {host.name: host})
    assert session.exchange([Item("echo in")])[0].stdout.decoded() == "in\n"
    session.close()

    assert (
        with_known_keys(draft_at(server), tmp_path, never, print).inventory().hosts["127.0.0.1"]
        == (draft.inventory().hosts["127.0.0.1"])
    )


@pytest.mark.parametrize("answer", [False, None])
def test_where_the_only_routers_key_is_not_accepted_the_cut_is_refused_with_the_way_out(
    server: Server, tmp_path: Path, answer: bool | None
) -> None:
    before = server.logins

    with pytest.raises(RefusedError, match=rf"SHA256:\S+ .*ssh_host_ed25519_key.*ssh-keyscan .*-p {server.port}"):
        with_known_keys(draft_at(server), tmp_path, lambda _: answer, print)

    assert not (tmp_path / "known_hosts").exists()
    assert server.logins == before


def test_the_host_to_cut_off_is_not_asked_about_and_holds_nothing_up(server: Server, tmp_path: Path) -> None:
    told: list[str] = []
    target = f"{getpass.getuser()}@127.0.0.1:{server.port}"

    draft = drafted(CutAsked(hosts=(target,), at=("root@192.0.2.1",)))
    kept = with_known_keys(draft, tmp_path, never, told.append)

    assert kept == draft
    assert "so that nobody logs in to it" in told[0]


def test_a_key_is_meant_by_yes_or_by_the_end_of_its_fingerprint(server: Server, tmp_path: Path) -> None:
    asked: list[UnknownKey] = []
    with_known_keys(draft_at(server), tmp_path, lambda key: not asked.append(key), print)
    key = asked[0]

    assert key.is_meant_by("yes\n")
    assert key.is_meant_by(f" {key.fingerprint[-6:]} ")
    assert key.is_meant_by(key.fingerprint)
    assert not key.is_meant_by(key.fingerprint[-5:])
    assert not key.is_meant_by("y")
    assert not key.is_meant_by(f"{key.fingerprint[-6:]}x")


def test_a_key_is_kept_by_the_name_that_ssh_config_gives_the_host(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host edge-a\n  HostName 127.0.0.1\n  Port {server.port}\n  User {getpass.getuser()}\n"
        f"  HostKeyAlias the-edge\n  IdentityFile {server.folder}/id\n"
    )
    (tmp_path / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n')
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    draft = drafted(CutAsked(hosts=("203.0.113.10",), at=("edge-a",)))

    host = with_known_keys(draft, tmp_path / "state", lambda _: True, print).inventory().hosts["edge-a"]

    assert (tmp_path / "state" / "known_hosts").read_text().startswith("the-edge ssh-ed25519 ")
    session = connect(host, {host.name: host})
    assert session.exchange([Item("echo in")])[0].stdout.decoded() == "in\n"
    session.close()
