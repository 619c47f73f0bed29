"""Sessions with a real OpenSSH server, started here on loopback with keys of its own."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from paramiko import Message, RSAKey, SSHException
from paramiko.common import MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote import ConnectAhead, Item, Limits, Unreachable, connect
from stopgap.orchestrator.remote.exchange import Exchanged
from stopgap.orchestrator.remote.identity import offers
from stopgap.orchestrator.remote.identity.offers import Offer
from stopgap.orchestrator.remote.known_hosts import fingerprint, host_names, pinned_keys
from stopgap.orchestrator.remote.login import authenticate
from stopgap.orchestrator.remote.ssh import _is_over
from stopgap.orchestrator.remote.transport import CappedPacketizer
from stopgap.orchestrator.wire.deadline import Deadline

from .ssh_server import Server, assert_no_connection_stays, free_port, make_key, needs_sshd, serving, wait_for

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No connection outlives its test, however it ended."""
    yield
    assert_no_connection_stays()


def refusal(host: Host, hosts: dict[str, Host] | None = None, limits: Limits = Limits()) -> Unreachable:  # noqa: B008
    with pytest.raises(Unreachable) as raised:
        connect(host, hosts or {}, limits)
    return raised.value


def test_a_login_waits_for_no_leave_to_ask(server: Server, monkeypatch: pytest.MonkeyPatch):
    """Where the server is OpenSSH, whoever asks for the service asks to be let in, and not who hears its answer."""
    sent: dict[int, threading.Thread] = {}
    send = CappedPacketizer.send_message

    def sending(self: CappedPacketizer, message: Message) -> None:
        sent[message.asbytes()[0]] = threading.current_thread()
        send(self, message)

    monkeypatch.setattr(CappedPacketizer, "send_message", sending)
    connect(server.host(), {}).close()
    assert sent[MSG_SERVICE_REQUEST] is sent[MSG_USERAUTH_REQUEST] is threading.current_thread()


def test_a_connection_that_was_begun_ahead_is_given_once_and_closed_where_nobody_asks(server: Server):
    asked, left, gone = server.host(), server.host(name="left"), server.host(name="gone", port=free_port())
    with ConnectAhead({}) as ahead:
        ahead.begin([asked, left, gone])
        first, second = ahead(asked, {}), ahead(asked, {})
        assert first is not second
        assert first.exchange([Item("echo hello")])[0].stdout.raw == b"hello\n"
        with pytest.raises(Unreachable, match="refuses connections"):
            ahead(gone, {})
    for session in (first, second):
        assert session.alive
        session.close()


def test_the_end_waits_for_no_host_that_is_still_silent(server: Server):
    silent = socket.create_server(("127.0.0.1", 0))
    host = server.host(port=silent.getsockname()[1])
    with silent, ThreadPoolExecutor(1) as pool:
        with ConnectAhead({}) as ahead:
            asked = pool.submit(ahead, host, {})
            silent.accept()
        with pytest.raises(Unreachable, match="cancelled"):
            asked.result(timeout=5)


def test_items_come_apart_over_ssh(server: Server):
    session = connect(server.host(), {})
    outputs = session.exchange(
        [Item("head -c 300000 /dev/urandom | tee /dev/stderr | sha256sum; exit 4"), Item("id -u")]
    )
    assert (outputs[0].status, len(outputs[0].stderr.raw)) == (4, Limits().stderr)
    assert outputs[1].stdout.raw == f"{os.getuid()}\n".encode()
    assert session.fingerprint == fingerprint(
        pinned_keys(server.folder / "known_hosts", host_names("127.0.0.1", server.port)).keys[0]
    )
    assert [session.exchange([Item(f"echo {n}")])[0].stdout.raw for n in range(12)] == [
        b"%d\n" % n for n in range(12)
    ]
    session.close()
    assert not session.alive


def test_the_wire_is_gcm_without_compression_and_without_nagle(server: Server):
    session = connect(server.host(), {})
    transport = session._connection.transport
    assert transport.remote_cipher == transport.local_cipher == "aes128-gcm@openssh.com"
    assert transport.local_compression == "none"
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    session.close()


class GoneTransport:
    """Ended by a message that came before the login was begun."""

    def log_in(self, *_: object) -> None:
        raise SSHException("No existing session")

    def get_exception(self) -> Exception:
        return SSHException("a string that is longer than its message")

    def is_active(self) -> bool:
        return False

    auth_handler = None


def test_a_login_that_came_too_late_is_told_by_what_ended_the_connection(server: Server):
    with pytest.raises(Unreachable, match="authentication broke off: a string that is longer than its message"):
        authenticate(GoneTransport(), server.host(), [Offer(RSAKey.generate(1024))], Deadline(60))  # type: ignore[arg-type]


def test_a_host_that_is_asked_once_is_let_go_and_leaves_no_garbage(server: Server):
    gc.collect()
    gc.disable()
    try:
        session = connect(server.host(), {}, Limits(asked_once=True))
        transport = weakref.ref(session._connection.transport)
        assert session.exchange([Item("echo hello")])[0].stdout.raw == b"hello\n"
        assert not session.alive
        assert transport() is None
        assert [output.status for output in session.exchange([Item("echo again")])] == [None]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "changes", [{"may_block": (ip_network("203.0.113.0/24"),)}, {"driver": "nftables"}, {"vantage": "outside"}]
)
def test_a_host_asked_once_stays_where_others_need_it(server: Server, changes: dict[str, Any]):
    session = connect(server.host(**changes), {}, Limits(asked_once=True))
    session.exchange([Item("true")])
    assert session.exchange([Item("echo again")])[0].stdout.raw == b"again\n"
    session.close()


def test_a_host_asked_once_stays_where_an_item_has_no_answer(server: Server):
    answered, late = (Output(HostText(b""), HostText(b""), status) for status in (0, None))
    assert _is_over(server.host(), Exchanged([answered]))
    assert not _is_over(server.host(), Exchanged([answered, late]))
    assert not _is_over(server.host(), Exchanged([answered], "it fell silent", in_step=False))


def test_many_hosts_load_one_key_once(server: Server, monkeypatch: pytest.MonkeyPatch):
    loaded: list[bytes] = []
    load = offers._loaded
    monkeypatch.setattr(offers, "_OPENED", {})
    monkeypatch.setattr(offers, "_loaded", lambda *given: loaded.append(given[0]) or load(*given))
    for _ in range(3):
        connect(server.host(), {}).close()
    assert loaded == [(server.folder / "id").read_bytes()]


def test_a_megabyte_goes_up_and_many_come_down(server: Server):
    session = connect(server.host(), {})
    text = "é" * 500_000
    taken = bytearray()

    class Taker:
        def data(self, index: int, chunk: bytes) -> None:
            taken.extend(chunk)

        def ended(self, index: int, output: object) -> None:
            taken.extend(b"|")

    session.exchange(
        [Item(f"printf %s '{text}'", cap=2 << 20), Item("head -c 20000000 /dev/zero", cap=1 << 30)], sink=Taker()
    )
    assert bytes(taken[: len(text.encode()) + 1]) == text.encode() + b"|"
    assert len(taken) == len(text.encode()) + 20_000_000 + 2
    session.close()


def test_an_overdue_item_ends_and_the_session_goes_on(server: Server):
    session = connect(server.host(), {}, Limits(grace=60))
    begun = time.monotonic()
    outputs = session.exchange([Item("sleep 710", deadline=0.5), Item("echo on")])
    assert time.monotonic() - begun < 60
    assert [(o.status, o.stdout.raw) for o in outputs] == [(None, b""), (0, b"on\n")]
    assert session.exchange([Item("true")])[0].status == 0
    session.close()


def test_nothing_that_a_step_started_outlives_its_deadline(server: Server):
    """In the background, in a subshell, in a session of its own, deaf to signals: all of it is gone soon after."""
    marker = f"7{os.getpid()}3"
    session = connect(server.host(), {})
    script = (
        f"sleep {marker} & (sleep {marker} &) ; setsid sleep {marker} & nohup sleep {marker} >/dev/null 2>&1 & "
        f"(trap '' TERM HUP INT; sleep {marker}; sleep {marker})"
    )
    assert session.exchange([Item(script, deadline=0.5)])[0].status is None
    end = time.monotonic() + 60
    while (left := _running(marker)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    session.close()


def _running(marker: str) -> list[bytes]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            title = (process / "cmdline").read_bytes()
            if title == b"sleep\0" + marker.encode() + b"\0":
                found.append(title)
    return found


def test_a_stopped_host_is_given_up_at_the_deadline(server: Server, tmp_path: Path):
    """The whole process group stands still: the host keeps no deadline, this side does."""
    session = connect(server.host(), {}, Limits(killing=0.5))
    begun = time.monotonic()
    script = f"read -r _ _ _ _ group _ </proc/self/stat; echo $group >{tmp_path}/group; kill -STOP 0"
    output = session.exchange([Item(script, deadline=0.5)])[0]
    os.killpg(int((tmp_path / "group").read_text()), signal.SIGKILL)
    assert time.monotonic() - begun < 60
    assert (output.status, session.alive) == (None, False)


def test_the_exchange_itself_has_a_deadline(server: Server):
    session = connect(server.host(), {})
    begun = time.monotonic()
    outputs = session.exchange([Item("echo a; sleep 730", deadline=600)] * 3, deadline=1.2)
    assert time.monotonic() - begun < 60
    assert [o.status for o in outputs] == [None] * 3
    assert outputs[0].stdout.raw == b"a\n"
    assert session.trouble == "the deadline of the exchange passed"
    assert session.exchange([Item("true")])[0].status is None


def test_no_change_is_begun_after_the_link_is_cut(server: Server, tmp_path: Path):
    """The change that runs may end; the next one never begins."""
    session = connect(server.host(), {})
    begun, ended, following = (tmp_path / name for name in ("begun", "ended", "following"))
    items = [Item(f"touch {begun}; sleep 0.8; touch {ended}", deadline=2), Item(f"touch {following}", deadline=2)]

    def cut() -> None:
        wait_for(begun)
        session._connection.transport.sock.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=cut).start()
    outputs = session.exchange(items, stop_on_failure=True)
    assert [(o.status, o.ran) for o in outputs] == [(None, True), (None, True)]
    wait_for(ended)
    time.sleep(0.3)
    assert not following.exists()


def test_a_jump_host_leads_on_and_is_pinned_too(server: Server, tmp_path: Path):
    jump = server.host(name="jump")
    session = connect(server.host(jump="jump"), {"jump": jump})
    assert session.exchange([Item("echo there")])[0].stdout.raw == b"there\n"
    session.close()
    (tmp_path / "none").touch()
    unpinned = jump.model_copy(update={"known_hosts": tmp_path / "none"})
    failure = refusal(server.host(jump="jump"), {"jump": unpinned})
    assert (failure.host, failure.kind) == ("jump", "host-key")


def test_what_the_jump_host_does_not_reach_is_said(server: Server):
    failure = refusal(server.host(jump="jump", port=1), {"jump": server.host(name="jump")})
    assert (failure.host, failure.kind) == ("web", "network")


def test_hosts_that_jump_in_a_circle_are_refused(server: Server):
    assert refusal(server.host(jump="web"), {"web": server.host(jump="web")}).kind == "network"


def test_a_burst_of_logins_beyond_maxstartups_gets_in(server: Server):
    with ThreadPoolExecutor(10) as pool:
        sessions = list(pool.map(lambda _: connect(server.host(), {}, Limits(connect=20)), range(10)))
    assert all(s.exchange([Item("true")])[0].status == 0 for s in sessions)
    for session in sessions:
        session.close()


def test_an_unknown_host_key_is_refused_and_shown(server: Server, tmp_path: Path):
    failure = refusal(server.host(known_hosts=tmp_path / "absent"))
    shown = fingerprint(pinned_keys(server.folder / "known_hosts", host_names("127.0.0.1", server.port)).keys[0])
    assert failure.kind == "host-key"
    assert shown in failure.reason
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {tmp_path}/absent" in failure.reason


def test_a_changed_host_key_is_refused_with_both_fingerprints(server: Server, tmp_path: Path):
    other = " ".join(make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2])
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}\n")
    failure = refusal(server.host(known_hosts=tmp_path / "known_hosts"))
    assert failure.kind == "host-key"
    assert failure.reason.startswith("HOST KEY CHANGED")
    assert failure.reason.count("SHA256:") == 2


def test_a_key_that_the_host_does_not_know_is_refused(server: Server, tmp_path: Path):
    failure = refusal(server.host(identity=make_key(tmp_path / "stranger")))
    assert failure.kind == "auth"


def test_an_agent_and_keys_at_home_are_left_alone_where_an_identity_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".ssh").mkdir()
    shutil.copy(server.folder / "id", tmp_path / ".ssh" / "id_ed25519")
    (tmp_path / ".ssh" / "config").write_text("Host *\n  Port 1\n  User nobody\n  ProxyCommand false\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "no-agent"))
    assert refusal(server.host(identity=make_key(tmp_path / "stranger"))).kind == "auth"
    connect(server.host(), {}).close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: make_key(p, passphrase="secret words"), "encrypted"),
        (lambda p: make_key(p, "-t", "rsa", "-b", "2048", "-m", "PEM", passphrase="secret words"), "encrypted"),
        (lambda p: p.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET\n"), "no private key"),
        (lambda p: p.mkdir(), "directory"),
        (lambda p: None, "No such file"),
    ],
    ids=["encrypted", "encrypted-pem", "broken", "directory", "absent"],
)
def test_a_key_that_cannot_be_used_is_said_before_anything_is_sent(make, said: str, server: Server, tmp_path: Path):  # noqa: ANN001
    make(tmp_path / "key")
    failure = refusal(server.host(identity=tmp_path / "key", port=1))
    assert failure.kind == "identity"
    assert said in failure.reason
    assert "SECRET" not in failure.reason


def test_an_encrypted_key_opens_with_the_passphrase_that_the_inventory_refers_to(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key = make_key(tmp_path / "key", passphrase="secret words")
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(key.with_suffix(".pub").read_text())
    monkeypatch.setenv("PASSPHRASE", "secret words")
    monkeypatch.setenv("ANOTHER", "other words")
    connect(server.host(identity=key, identity_passphrase="env:PASSPHRASE"), {}).close()
    connect(server.host(identity_passphrase="env:PASSPHRASE"), {}).close()  # of a key that needs none
    wrong = refusal(server.host(identity=key, identity_passphrase="env:ANOTHER", port=1))
    assert (wrong.kind, "does not open it" in wrong.reason) == ("identity", True)
    missing = refusal(server.host(identity=key, identity_passphrase="env:NOT_SET", port=1))
    assert (missing.kind, "env:NOT_SET: this variable is not set" in missing.reason) == ("identity", True)
    assert "words" not in wrong.reason + missing.reason


def test_an_rsa_key_logs_in_with_sha2(server: Server, tmp_path: Path):
    key = make_key(tmp_path / "rsa", "-t", "rsa", "-b", "2048")
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(key.with_suffix(".pub").read_text())
    connect(server.host(identity=key), {}).close()


@pytest.mark.parametrize("method", ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"])
def test_a_server_with_one_method_of_key_exchange_alone_is_logged_in_to(method: str, tmp_path: Path):
    with serving(tmp_path, f"KexAlgorithms {method}") as strict:
        session = connect(strict.host(), {})
        assert session.exchange([Item("echo in")])[0].stdout.raw == b"in\n"
        session.close()


def test_a_closed_port_and_a_name_that_is_none_are_told_apart(server: Server):
    assert refusal(server.host(port=1)).kind == "refused"
    assert refusal(server.host(address="a..b")).kind == "name"


def test_a_cancel_is_heeded_at_once(server: Server):
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Unreachable) as raised:
        connect(server.host(), {}, cancelled=cancelled)
    assert raised.value.kind == "cancelled"


def test_what_fabric_offers_beyond_exchanges_is_refused(server: Server):
    session = connect(server.host(), {})
    for name in ("run", "sudo", "get", "put", "sftp", "shell", "forward_remote"):
        with pytest.raises(TypeError):
            getattr(session._connection, name)("x")
    session.close()
