"""Servers that go wrong before anybody is logged in: each ends within the deadline, with its reason and kind."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import paramiko
import pytest

from orchestrator.host import Host
from orchestrator.remote import Unreachable, connect

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
Within = Callable[[float], AbstractContextManager[None]]


def refusal(host: Host, evil: Any) -> Unreachable:
    with pytest.raises(Unreachable) as raised:
        connect(host, {host.name: host}, evil.limits)
    assert "\n" not in str(raised.value)
    assert str(raised.value).isprintable()
    return raised.value


def silent_after(said: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.sendall(said)
        while connection.recv(65536):
            pass

    return behave


def repeating(portion: bytes, pause: float = 0) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        while True:
            connection.sendall(portion)
            time.sleep(pause)

    return behave


@pytest.mark.parametrize("said", [b"", b"SSH-", BANNER], ids=["accept", "half a banner", "banner"])
def test_a_server_that_falls_silent(said: bytes, evil: Any, within: Within):
    with within(evil.limits.connect):
        assert refusal(evil.raw(silent_after(said)), evil).kind == "timeout"


def test_a_server_that_drips(evil: Any, within: Within):
    with within(evil.limits.connect):
        assert refusal(evil.raw(repeating(b"x", 0.05)), evil).kind == "timeout"


@pytest.mark.parametrize("portion", [b"x" * 65536, b"line\r\n" * 1000], ids=["one line", "many lines"])
def test_a_banner_without_end(portion: bytes, evil: Any, within: Within):
    with within(evil.limits.connect):
        assert refusal(evil.raw(repeating(portion)), evil).kind == "protocol"


def test_a_server_that_hangs_up_at_once(evil: Any, within: Within):
    with within(evil.limits.connect):
        failure = refusal(evil.raw(lambda connection: connection.close()), evil)
    assert failure.kind == "protocol"
    assert "MaxStartups" in failure.reason


def test_a_server_that_is_none(evil: Any, within: Within):
    with within(evil.limits.connect):
        failure = refusal(evil.raw(repeating(b"HTTP/1.1 400 Bad \x1b]52;c;AAAA\x07\xff\r\n")), evil)
    assert failure.kind == "protocol"


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 300 << 10, 1, 0])
def test_a_packet_of_impossible_length(length: int, evil: Any, within: Within):
    def behave(connection: socket.socket) -> None:
        connection.sendall(BANNER + struct.pack(">I", length) + b"\0" * 65536)
        silent_after(b"")(connection)

    with within(evil.limits.connect):
        assert refusal(evil.raw(behave), evil).kind in {"protocol", "timeout"}


def test_noise_instead_of_a_key_exchange(evil: Any, within: Within):
    def behave(connection: socket.socket) -> None:
        connection.sendall(BANNER + bytes(range(256)) * 200)
        silent_after(b"")(connection)

    with within(evil.limits.connect):
        assert refusal(evil.raw(behave), evil).kind in {"protocol", "timeout"}


def test_a_flood_of_messages_before_the_key_exchange(evil: Any, within: Within):
    ignore = struct.pack(">IBB", 12, 6, 2) + struct.pack(">I", 0) + b"\0" * 6

    def behave(connection: socket.socket) -> None:
        connection.sendall(BANNER)
        repeating(ignore * 1000)(connection)

    with within(evil.limits.connect):
        assert refusal(evil.raw(behave), evil).kind in {"protocol", "timeout"}


def test_only_weak_algorithms(evil: Any, within: Within):
    def behave(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.set_log_channel("orchestrator.remote.paramiko")
        options = transport.get_security_options()
        options.ciphers, options.digests = ("3des-cbc",), ("hmac-md5",)
        transport.add_server_key(evil.key)
        with contextlib.suppress(Exception):
            transport.start_server(server=paramiko.ServerInterface())

    with within(evil.limits.connect):
        failure = refusal(evil.raw(behave), evil)
    assert failure.kind == "protocol"


def test_a_key_that_is_not_the_pinned_one_gets_not_a_byte_of_authentication(evil: Any, within: Within):
    host = evil.ssh()
    evil.key = paramiko.ECDSAKey.generate()
    with within(evil.limits.connect):
        failure = refusal(host, evil)
    assert failure.kind == "host-key"
    assert failure.reason.startswith("HOST KEY CHANGED")
    assert evil.given == []


def test_silence_during_authentication(evil: Any, within: Within):
    with within(evil.limits.connect):
        assert refusal(evil.ssh(stop_at="auth"), evil).kind == "timeout"


def test_a_server_that_asks_for_a_password_gets_none(evil: Any, within: Within):
    host = evil.ssh(auth=paramiko.AUTH_FAILED, methods="password,keyboard-interactive")
    with within(evil.limits.connect):
        failure = refusal(host, evil)
    assert failure.kind == "auth"
    assert "password" in failure.reason
    assert evil.given == ["key root"]


def test_a_server_that_wants_a_second_factor(evil: Any, within: Within):
    host = evil.ssh(auth=paramiko.AUTH_PARTIALLY_SUCCESSFUL, methods="keyboard-interactive")
    with within(evil.limits.connect):
        assert refusal(host, evil).kind == "auth"
    assert evil.given == ["key root"]


def test_a_jump_host_that_falls_silent(evil: Any, within: Within):
    jump = evil.ssh(stop_at="channel", changes={"name": "jump"})
    host = evil.ssh(changes={"jump": "jump"})
    with within(evil.limits.connect), pytest.raises(Unreachable) as raised:
        connect(host, {"jump": jump}, evil.limits)
    assert raised.value.kind == "timeout"


def test_a_jump_host_that_leads_nowhere(evil: Any, within: Within):
    """It opens the way to the target, and nothing ever comes through."""
    jump = evil.ssh(changes={"name": "jump"})
    host = evil.ssh(changes={"jump": "jump"})
    with within(evil.limits.connect), pytest.raises(Unreachable) as raised:
        connect(host, {"jump": jump}, evil.limits)
    assert (raised.value.host, raised.value.kind) == ("web", "timeout")


def test_sudo_that_refuses_is_told_in_its_own_words_escaped(evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.channel.sendall_stderr(b"sudo: a password \x1b[31mis required\r\n")
        shell.channel.send_exit_status(1)
        shell.channel.close()

    host = evil.ssh(behave, changes={"become": "sudo"})
    with within(evil.limits.connect):
        failure = refusal(host, evil)
    assert failure.kind == "sudo"
    assert "sudo: a password \\x1b[31mis required" in failure.reason
    assert "NOPASSWD" in failure.reason
    assert evil.given == ["key root", "exec exec sudo -n -- /bin/sh -s"]


def test_sudo_that_prompts_gets_nothing(evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.channel.sendall_stderr(b"[sudo] password for root: ")

    with within(evil.limits.connect):
        assert refusal(evil.ssh(behave, changes={"become": "sudo"}), evil).kind == "sudo"
