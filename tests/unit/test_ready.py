"""What `stopgap ready` looks at on this machine and by connections: keys, certificates, servers, clocks, room."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.facts import Clock, SystemFact
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.plan import Look, OutOfReach
from stopgap.orchestrator.ready.controller import look_at_room, look_at_routes
from stopgap.orchestrator.ready.hosts import look_at_hosts
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.ready.keys import look_at_keys
from stopgap.orchestrator.ready.spare import certificate_end

from .ssh_server import make_key

WEB = Host(name="web", address="203.0.113.10", user="noc")
EDGE = Host(name="edge", address="10.9.0.1")


def states(items: Iterator[Item]) -> list[tuple[str, str, str]]:
    return [(item.host, item.subject, item.state) for item in items]


def told(ago: timedelta, uid: int = 0) -> Any:
    def read(wanted: Sequence[Any], needed: frozenset[str] | None = None) -> Mapping[tuple[str, Any], Look]:
        looks: dict[tuple[str, Any], Look] = {}
        for host, reader in wanted:
            if host.name == "edge":
                looks[host.name, reader] = OutOfReach("no answer within 10 s")
            elif reader == Clock():
                looks[host.name, reader] = datetime.now(UTC) - ago
            else:
                looks[host.name, reader] = SystemFact(uid=uid)
        return looks

    return read


def test_a_host_out_of_reach_and_an_account_that_is_not_root_are_lacking() -> None:
    found = list(look_at_hosts([WEB, EDGE], frozenset({"web", "edge"}), told(timedelta(0), uid=1000)))

    assert states(iter(found)) == [
        ("web", "login", "ready"),
        ("web", "login", "lacks"),
        ("edge", "login", "lacks"),
        ("web", "clock", "ready"),
    ]
    assert "`become: sudo`" in found[1].text
    assert found[2].text == "root@10.9.0.1:22: no answer within 10 s"


@pytest.mark.parametrize(("ago", "said"), [(200, "s behind"), (-200, "s ahead")])
def test_a_clock_that_is_wrong_is_lacking(ago: int, said: str) -> None:
    (*_, clock) = look_at_hosts([WEB], frozenset(), told(timedelta(seconds=ago)))

    assert (clock.subject, clock.state) == ("clock", "lacks")
    assert said in clock.text


def test_a_key_that_would_ask_is_lacking_once_for_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    locked, plain = make_key(tmp_path / "locked", passphrase="secret"), make_key(tmp_path / "plain")
    hosts = [host.model_copy(update={"identity": locked, "known_hosts": tmp_path}) for host in (WEB, EDGE)]

    (lacking,) = look_at_keys(hosts, {host.name: host for host in hosts})

    assert (lacking.subject, lacking.state) == ("key", "lacks")
    assert str(locked) in lacking.text
    assert "ssh-add" in lacking.text
    assert list(look_at_keys([WEB.model_copy(update={"identity": plain})], {})) == []


@pytest.mark.parametrize(
    ("validity", "said"),
    [("-2d:-1d", "ended at"), ("-1d:+3d", "ends at"), ("-1d:+30d", None)],
)
def test_a_certificate_that_ends_soon_is_lacking(tmp_path: Path, validity: str, said: str | None) -> None:
    authority, key = make_key(tmp_path / "ca"), make_key(tmp_path / "id")
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "noc", "-n", "noc", "-V", validity, f"{key}.pub"]
    subprocess.run(sign, check=True)

    found = list(look_at_keys([WEB.model_copy(update={"identity": key})], {}))

    assert [said in item.text for item in found if said] == ([True] if said else [])
    assert len(found) == (1 if said else 0)


def test_room_that_is_too_small_is_lacking(tmp_path: Path) -> None:
    assert states(look_at_room(tmp_path / "home", least=1)) == [("controller", "room", "ready")]
    assert states(look_at_room(tmp_path / "home", least=1 << 60)) == [("controller", "room", "lacks")]
    assert not (tmp_path / "home").exists()


@contextmanager
def greeting(words: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that greets and keeps what it is sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as connection:
                connection.sendall(words)
                connection.settimeout(10)
                heard.append(connection.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], heard
        thread.join(20)


def runbook(path: Path, via: Mapping[str, Any]) -> Path:
    step = {
        "task": "provider.notify",
        "with": {"contact": "noc@example.jp", "to": "abuse@example.net", "via": dict(via)},
    }
    path.write_text(json.dumps({"name": "Tell them", "steps": [step]}))
    return path


@pytest.mark.parametrize(("words", "state"), [(b"220 mx ESMTP\r\n", "ready"), (b"554 go away\r\n", "lacks")])
def test_a_mail_server_is_greeted_and_sent_nothing(tmp_path: Path, words: bytes, state: str) -> None:
    with greeting(words) as (port, heard):
        via = {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
        (item,) = look_at_routes([runbook(tmp_path / "one.yaml", via)])

    assert (item.subject, item.state) == ("mail", state)
    assert words.decode().strip() in item.text
    assert heard == [b""]


def test_a_webhook_is_connected_to_and_sent_nothing(tmp_path: Path) -> None:
    with greeting(b"") as (port, heard):
        via = {"kind": "webhook", "url": f"http://127.0.0.1:{port}/hook", "security": "none"}
        assert states(look_at_routes([runbook(tmp_path / "one.yaml", via)])) == [("controller", "mail", "ready")]

    assert heard == [b""]


def test_a_server_that_refuses_and_a_runbook_that_is_broken_are_lacking(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    via = {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
    (tmp_path / "broken.yaml").write_text("name: [")

    found = look_at_routes([runbook(tmp_path / "one.yaml", via), tmp_path / "broken.yaml"])

    assert [state for _, _, state in states(found)] == ["lacks", "lacks"]


def test_the_end_of_a_certificate_is_read_whoever_has_signed_it(tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "3", "-subj", "/CN=spare",
         "-keyout", tmp_path / "key", "-out", tmp_path / "certificate"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
                connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        end = certificate_end("127.0.0.1", listening.getsockname()[1])
        thread.join(20)

    assert timedelta(days=2) < end - datetime.now(UTC) < timedelta(days=4)
