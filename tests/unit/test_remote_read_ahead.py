"""A socket that is read ahead gives each byte once, in order, and as many as are asked for at most."""

from __future__ import annotations

import socket

import pytest

from stopgap.orchestrator.remote.read_ahead import ReadAhead


def test_bytes_come_in_order_whatever_is_asked_for() -> None:
    ours, theirs = socket.socketpair()
    sent = bytes(number % 251 for number in range(20_000))
    with ours, theirs:
        theirs.sendall(sent)
        ahead = ReadAhead(ours)
        got, asked = b"", 1
        while len(got) < len(sent):
            part = ahead.recv(min(asked, len(sent) - len(got)))
            assert 0 < len(part) <= asked
            got, asked = got + part, asked * 3 % 5000 + 1
        assert got == sent


def test_end_is_told_once_all_is_read() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(b"abc")
        ahead = ReadAhead(ours)
        assert [ahead.recv(2), ahead.recv(2), ahead.recv(2)] == [b"ab", b"c", b""]


def test_silence_is_a_timeout() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.01)
        with pytest.raises(TimeoutError):
            ReadAhead(ours).recv(16)
