"""Servers that send more than anybody asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

from stopgap.orchestrator.host import Host

from ..scenario import scenario
from ..server import Field, ServerTransport, Shell
from .executing import begun

_DATA, _EXTENDED, _WINDOW, _OPEN, _GLOBAL, _IGNORE, _DEBUG = (bytes([n]) for n in (94, 95, 93, 90, 80, 2, 4))
_CUT = "unknown, unknown: .*; cut"
_LOST = "unknown, unknown: "


def _endless(field: Field, *, stdout: bool, stderr: bool) -> Host:
    def then(shell: Shell) -> None:
        while True:
            if stdout:
                shell.channel.sendall(b"o" * 32000)
            if stderr:
                shell.channel.sendall_stderr(b"e" * 32000)

    return field.ssh(begun(then))


@scenario("standard output without end", "flood", _CUT)
def _stdout(field: Field) -> Host:
    return _endless(field, stdout=True, stderr=False)


@scenario("standard error without end", "flood", _CUT)
def _stderr(field: Field) -> Host:
    return _endless(field, stdout=False, stderr=True)


@scenario("both without end", "flood", _CUT)
def _both(field: Field) -> Host:
    return _endless(field, stdout=True, stderr=True)


@scenario("text without end before the first item", "flood", "unknown, unknown: .*too much text outside the items")
def _noise(field: Field) -> Host:
    def behave(shell: Shell) -> None:
        shell.read_script()
        while True:
            shell.channel.sendall(b"motd\n" * 6000)

    return field.ssh(behave)


def _flood(field: Field, *message: Callable[[Shell], int] | int | bytes | str | bool) -> Host:
    field.limits = replace(field.limits, messages=2000)

    def then(shell: Shell) -> None:
        while shell.transport.is_active():
            shell.send(*(part(shell) if callable(part) else part for part in message))

    return field.ssh(begun(then))


def _channel(shell: Shell) -> int:
    return int(shell.channel.remote_chanid)


@scenario("past the receive window of its channel", "flood", _LOST)
def _window(field: Field) -> Host:
    return _flood(field, _DATA, _channel, b"x" * 32000)


@scenario("past the receive window on standard error", "flood", _LOST)
def _window_of_stderr(field: Field) -> Host:
    return _flood(field, _EXTENDED, _channel, 1, b"x" * 32000)


@scenario("past the receive windows of many channels", "flood", _LOST)
def _windows(field: Field) -> Host:
    """Those that are open, the one opened ahead among them, and those that never were."""

    def then(shell: Shell) -> None:
        while shell.transport.is_active():
            for number in range(20):
                shell.send(_DATA, number, b"x" * 32000)

    return field.ssh(begun(then))


@scenario("gives back more window than there is", "flood", _LOST)
def _window_adjust(field: Field) -> Host:
    return _flood(field, _WINDOW, _channel, 0x7FFFFFFF)


@scenario("data for a channel that was never opened", "flood", _LOST)
def _no_channel(field: Field) -> Host:
    return _flood(field, _DATA, 4711, b"x")


@scenario("opens agent channels", "flood", _LOST)
def _agent(field: Field) -> Host:
    return _flood(field, _OPEN, "auth-agent@openssh.com", 77, 1 << 20, 1 << 15)


@scenario("opens X11 channels", "flood", _LOST)
def _x11(field: Field) -> Host:
    return _flood(field, _OPEN, "x11", 77, 1 << 20, 1 << 15, "127.0.0.1", 6000)


@scenario("opens forwarded-tcpip channels", "flood", _LOST)
def _forwarded(field: Field) -> Host:
    return _flood(field, _OPEN, "forwarded-tcpip", 77, 1 << 20, 1 << 15, "127.0.0.1", 22, "127.0.0.1", 1)


@scenario("flood of global requests", "flood", _LOST)
def _global(field: Field) -> Host:
    return _flood(field, _GLOBAL, "hostkeys-00@openssh.com", True, "x" * 100)


@scenario("flood of ignore messages", "flood", _LOST)
def _ignored(field: Field) -> Host:
    return _flood(field, _IGNORE, "x" * 30000)


class _Compressing(ServerTransport):
    _preferred_compression = ("zlib@openssh.com", "none")


@scenario("a router's packet that decompresses without end", "flood", _LOST)
def _compressed(field: Field) -> Host:
    # After a full flush any block of deflate continues a stream (RFC 1951).
    blocks = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = b"".join((blocks.compress(_IGNORE), *(blocks.compress(bytes(1 << 20)) for _ in range(200))))
    bomb += blocks.flush(zlib.Z_FULL_FLUSH)

    def then(shell: Shell) -> None:
        if shell.transport.local_compression == "none":  # ssh(1) asks for none
            shell.transport.close()
            return
        shell.transport.packetizer.set_outbound_compressor(lambda _: bomb)
        shell.send(_IGNORE)

    return field.ssh(begun(then), kind=_Compressing, changes={"may_block": ["203.0.113.0/24"]})


@scenario("flood of debug messages with escapes", "flood", _LOST)
def _debug(field: Field) -> Host:
    return _flood(field, _DEBUG, True, "\x1b[2J" * 1000, "en")


@scenario("new keys again and again", "flood", _LOST)
def _rekey(field: Field) -> Host:
    def then(shell: Shell) -> None:
        while shell.transport.is_active():
            shell.transport.renegotiate_keys()

    return field.ssh(begun(then))


@scenario("begins new keys and never ends", "flood", _LOST)
def _half_a_rekey(field: Field) -> Host:
    def then(shell: Shell) -> None:
        shell.transport._send_kex_init()
        shell.transport._send_message = lambda data: None

    return field.ssh(begun(then))
