"""Servers that go wrong before anybody is logged in: each ends within the deadline, with its reason and kind."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import paramiko
import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import Unreachable, connect

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


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 300 << 10, 1, 0])
def test_a_packet_of_impossible_length(length: int, evil: Any, within: Within):
    def behave(connection: socket.socket) -> None:
        connection.sendall(BANNER + struct.pack(">I", length) + b"\0" * 65536)
        silent_after(b"")(connection)

    with within(evil.limits.connect):
        assert refusal(evil.raw(behave), evil).kind in {"protocol", "timeout"}


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

    evil.limits = replace(evil.limits, start=30.0)  # it answers
    host = evil.ssh(behave, changes={"become": "sudo"})
    with within(evil.limits.start):
        failure = refusal(host, evil)
    assert failure.kind == "sudo"
    assert "sudo: a password \\x1b[31mis required" in failure.reason
    assert "NOPASSWD" in failure.reason
    assert evil.given == ["key root", "exec exec sudo -n -- /bin/sh -s"]
