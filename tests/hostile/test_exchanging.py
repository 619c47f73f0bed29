"""Servers that go wrong once somebody is logged in: outputs are unknown, never wrong, in time and within bounds."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_DATA, cMSG_CHANNEL_OPEN, cMSG_GLOBAL_REQUEST, cMSG_IGNORE

from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.remote import Item, Session, connect
from stopgap.orchestrator.remote.transport import request_exec, widen

Within = Callable[[float], AbstractContextManager[None]]
ITEMS = [Item("true", deadline=0.2, cap=1000), Item("true", deadline=0.2, cap=1000)]
FIRST = b"<N> B 0 10 20\n"


def exchange(evil: Any, behave: Any, within: Within, **options: Any) -> tuple[list[Output], Session]:
    session = connect(evil.ssh(behave), {}, replace(evil.limits, connect=5))
    with within(evil.limits.start + sum(item.deadline for item in ITEMS)):
        outputs = session.exchange(ITEMS, **options)
    assert len(outputs) == len(ITEMS)
    return outputs, session


def script(*steps: bytes) -> Callable[[Any], None]:
    """A shell that says these things on both streams and then falls silent."""

    def behave(shell: Any) -> None:
        shell.read_script()
        for step in steps:
            shell.both(step)

    return behave


def test_honesty_is_understood(evil: Any, within: Within):
    """The control: with the same means, a server that plays by the rules is believed."""
    outputs, session = exchange(evil, script(FIRST + b"out<N> E 0 0\n<N> B 1 11 21\n<N> E 1 7\n"), within)
    assert [(o.stdout.raw, o.status) for o in outputs] == [(b"out", 0), (b"", 7)]
    assert session.trouble is None
    session.close()


@pytest.mark.parametrize("point", ["channel", "exec"])
def test_silence_at_the_channel_and_at_the_exec(point: str, evil: Any, within: Within):
    session = connect(evil.ssh(stop_at=point), {}, evil.limits)
    with within(evil.limits.start + 1):
        outputs = session.exchange(ITEMS)
    assert [o.status for o in outputs] == [None, None]
    assert not session.alive


@pytest.mark.parametrize(
    "steps",
    [(), (b"motd",), (FIRST,), (FIRST + b"out",), (FIRST + b"<N> E 0 0\n",), (FIRST + b"<N> E 0 0",), (b"<N>",)],
    ids=["exec", "noise", "begin", "output", "first end", "half a frame", "nonce"],
)
def test_silence_after(steps: tuple[bytes, ...], evil: Any, within: Within):
    outputs, session = exchange(evil, script(*steps), within)
    assert outputs[1].status is None
    assert session.trouble
    assert not session.alive


@pytest.mark.parametrize(
    "forged",
    [
        FIRST + FIRST,
        b"<N> E 0 0\n",
        b"<N> B 1 10 20\n",
        FIRST + b"<N> E 1 0\n",
        FIRST + b"<N> E 0 0\n<N> E 0 0\n",
        FIRST + b"<N> E 0 256\n",
        FIRST + b"<N> E 0 -1\n",
        b"<N> N 0\n",
        FIRST + b"<N> E 0 1\n<N> N 1\n",
        FIRST + b"<N> Z\n",
        FIRST + b"<N>" + b"E" * 500,
        b"x" * 100_000,
    ],
)
def test_forged_frames(forged: bytes, evil: Any, within: Within):
    outputs, session = exchange(evil, script(forged + b"<N> B 1 11 21\n<N> E 1 0\n"), within)
    assert outputs[1].status is None
    assert "not what the script would send" in (session.trouble or "")
    assert not session.alive


def test_a_guessed_nonce_is_content(evil: Any, within: Within):
    guess = b"g" + b"0" * 32
    outputs, _ = exchange(evil, script(FIRST + guess + b" E 0 0\n"), within)
    assert outputs[0].stdout.raw == guess + b" E 0 0\n"
    assert outputs[0].status is None


def test_streams_that_contradict_each_other(evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.read_script()
        shell.both(FIRST)
        shell.say(b"<N> E 0 0\n")
        shell.channel.sendall_stderr(shell.nonce + b" E 0 1\n")

    outputs, session = exchange(evil, behave, within)
    assert outputs[0].status is None
    assert "contradict" in (session.trouble or "")


def test_an_item_begun_after_one_that_failed(evil: Any, within: Within):
    lie = script(FIRST + b"<N> E 0 1\n<N> B 1 11 21\n<N> E 1 0\n")
    outputs, session = exchange(evil, lie, within, stop_on_failure=True)
    assert outputs[0].status in {1, None}
    assert (outputs[1].status, outputs[1].ran) == (None, True)
    assert not session.alive


def test_a_failure_that_ends_the_exchange_is_believed(evil: Any, within: Within):
    outputs, session = exchange(evil, script(FIRST + b"<N> E 0 1\n<N> N 1\n"), within, stop_on_failure=True)
    assert [(o.status, o.ran) for o in outputs] == [(1, True), (None, False)]
    session.close()


@pytest.mark.parametrize("stream", ["stdout", "stderr", "both"])
def test_endless_output(stream: str, evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.read_script()
        shell.both(FIRST)
        while True:
            if stream != "stderr":
                shell.channel.sendall(b"o" * 32000)
            if stream != "stdout":
                shell.channel.sendall_stderr(b"e" * 32000)

    outputs, session = exchange(evil, behave, within)
    assert (outputs[0].status, outputs[0].truncated) == (None, True)
    assert len(outputs[0].stdout.raw) <= 1000
    assert len(outputs[0].stderr.raw) <= evil.limits.stderr
    assert not session.alive


def test_output_that_drips_past_the_deadline(evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.read_script()
        shell.both(FIRST)
        while True:
            shell.say(b".")
            time.sleep(0.05)

    outputs, _ = exchange(evil, behave, within)
    assert (outputs[0].status, outputs[0].truncated) == (None, True)


def test_an_end_without_an_exit_status(evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.read_script()
        shell.both(FIRST + b"out")
        shell.channel.close()

    outputs, session = exchange(evil, behave, within)
    assert (outputs[0].stdout.raw, outputs[0].status, outputs[0].truncated) == (b"out", None, True)
    assert session.trouble == "the connection or the host's shell ended in the middle"


def test_a_link_cut_in_the_middle(evil: Any, within: Within):
    def behave(shell: Any) -> None:
        shell.read_script()
        shell.both(FIRST + b"<N> E 0 0\n<N> B 1 11 21\n")
        shell.transport.sock.close()

    outputs, session = exchange(evil, behave, within)
    assert [o.status for o in outputs] == [0, None]
    assert not session.alive
    assert [o.status for o in session.exchange(ITEMS)] == [None, None]


def test_an_exec_that_is_refused(evil: Any, within: Within, monkeypatch: pytest.MonkeyPatch):
    session = connect(evil.ssh(), {}, evil.limits)
    monkeypatch.setattr(evil.servers[0], "check_channel_exec_request", lambda channel, command: False)
    with within(1):
        assert session.exchange(ITEMS)[0].status is None
    assert session.trouble == "no POSIX shell answered"


@pytest.mark.parametrize("grown", [False, True])
def test_a_flood_past_the_receive_window(evil: Any, within: Within, grown: bool):
    """A server that ignores flow control while nobody reads: it is cut off, with no more held than a window."""

    def behave(shell: Any) -> None:
        for _ in range(6000):
            message = paramiko.Message()
            message.add_byte(cMSG_CHANNEL_DATA)
            message.add_int(shell.channel.remote_chanid)
            message.add_string(b"x" * 32000)
            shell.transport._send_message(message)

    session = connect(evil.ssh(behave), {}, evil.limits)
    channel = session._connection.transport.open_session()
    most = evil.limits.window
    if grown:
        most = evil.limits.widest_window
        widen(channel, most - evil.limits.window)
    request_exec(channel, "x")
    with within(3):
        while session._connection.transport.is_active():
            time.sleep(0.02)
    assert len(channel.in_buffer) <= most + 2 * evil.limits.channel_packet
    session.close()


def flood_of(build: Callable[[Any, paramiko.Message], None]) -> Callable[[Any], None]:
    def behave(shell: Any) -> None:
        shell.read_script()
        shell.both(FIRST)
        while shell.transport.is_active():
            message = paramiko.Message()
            build(shell, message)
            shell.transport._send_message(message)

    return behave


def open_channel(kind: str) -> Callable[[Any, paramiko.Message], None]:
    def build(shell: Any, message: paramiko.Message) -> None:
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string(kind)
        for number in (77, 1 << 20, 1 << 15):
            message.add_int(number)

    return build


def global_request(shell: Any, message: paramiko.Message) -> None:
    message.add_byte(cMSG_GLOBAL_REQUEST)
    message.add_string("keepalive@openssh.com")
    message.add_boolean(False)


def ignore(shell: Any, message: paramiko.Message) -> None:
    message.add_byte(cMSG_IGNORE)
    message.add_string(b"x" * 10)


@pytest.mark.parametrize(
    "build",
    [
        open_channel("auth-agent@openssh.com"),
        open_channel("x11"),
        open_channel("forwarded-tcpip"),
        global_request,
        ignore,
    ],
    ids=["agent", "x11", "forwarded-tcpip", "global requests", "ignore"],
)
def test_floods_of_messages_that_nobody_asked_for(build: Any, evil: Any, within: Within):
    evil.limits = replace(evil.limits, messages=500)
    outputs, session = exchange(evil, flood_of(build), within)
    assert outputs[0].status is None
    assert not session.alive


@pytest.mark.parametrize("kind", ["auth-agent@openssh.com", "x11", "forwarded-tcpip", "session"])
def test_a_channel_that_the_server_opens_is_refused(kind: str, evil: Any, within: Within):
    refused: list[str] = []

    def behave(shell: Any) -> None:
        shell.read_script()
        try:
            shell.transport.open_channel(kind, ("127.0.0.1", 1), ("127.0.0.1", 1), timeout=1)
        except paramiko.ChannelException as failure:
            refused.append(failure.text)
        shell.both(FIRST + b"<N> E 0 0\n<N> B 1 11 21\n<N> E 1 0\n")

    outputs, session = exchange(evil, behave, within)
    assert refused == ["Administratively prohibited"]
    assert [o.status for o in outputs] == [0, 0]
    session.close()


def test_nothing_of_it_is_printed(evil: Any, within: Within, capfd: pytest.CaptureFixture[str]):
    logging.getLogger().addHandler(handler := logging.StreamHandler())
    try:
        exchange(evil, flood_of(ignore), within)
        exchange(evil, script(b"\x1b]0;owned\x07"), within)
    finally:
        logging.getLogger().removeHandler(handler)
    out, err = capfd.readouterr()
    assert out == ""
    assert all(line.startswith("the exchange broke off after ") for line in err.splitlines()), "our own words alone"


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("message", [b"\xff", b"\x15"], ids=["no such type", "out of place"])
def test_a_message_that_paramiko_stumbles_over_is_a_broken_link(message: bytes, evil: Any, within: Within):
    """The channel ahead is being opened meanwhile, so that its thread and the exchange both hear of it."""
    session = connect(evil.ssh(stop_at="channel"), {}, replace(evil.limits, connect=5))
    evil.servers[0].transport._send_message(paramiko.Message(message))
    with within(evil.limits.start + 1):
        outputs = session.exchange(ITEMS)
    assert [o.status for o in outputs] == [None, None]
    assert session.trouble
    assert not session.alive
    gc.collect()


@pytest.mark.parametrize(
    "message",
    [
        (bytes([94]), None, b""),
        (bytes([93]), None, 1),
        (bytes([94]), None, b"x" * 2000),
        (bytes([98]), None, b"exit-status", True, 0),
        (bytes([80]), b"hostkeys-00@openssh.com", False),
        (bytes([3]), 0),
        (bytes([7]), 2**32 - 1),
    ],
    ids=["empty data", "window", "data", "exit status", "global request", "unimplemented", "extensions"],
)
def test_a_flood_while_nobody_asks_anything_costs_the_connection(
    message: tuple[bytes | int | None, ...], evil: Any, within: Within
):
    """The channel of the exchange is closed by then; its number stands for `None`."""

    def behave(shell: Any) -> None:
        script(FIRST + b"<N> E 0 0\n<N> B 1 11 21\n<N> E 1 0\n")(shell)
        while shell.transport.is_active():
            shell.send(*(shell.channel.remote_chanid if part is None else part for part in message))

    evil.limits = replace(evil.limits, messages=2000)
    outputs, session = exchange(evil, behave, within)
    assert [o.status for o in outputs] == [0, 0]
    end = time.monotonic() + 180
    while session.alive and time.monotonic() < end:
        time.sleep(0.02)
    assert not session.alive
    session.close()
