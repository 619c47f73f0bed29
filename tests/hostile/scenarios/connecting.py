"""Servers that go wrong before they know who is there."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable

import paramiko

from stopgap.orchestrator.host import Host

from ..scenario import SCENARIOS, Scenario, scenario
from ..server import BANNER, QUIET, Field

_TIMEOUT = r"unreachable \(timeout\): no answer within"
_PROTOCOL = r"unreachable \(protocol\): "


def silent_after(said: bytes) -> Callable[[socket.socket], None]:
    """Say this and listen on, for ever."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(said)
        while connection.recv(65536):
            pass

    return behave


def repeating(portion: bytes, pause: float = 0, before: bytes = b"") -> Callable[[socket.socket], None]:
    """Say this again and again."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(before)
        while True:
            connection.sendall(portion)
            time.sleep(pause)

    return behave


def _says(name: str, behave: Callable[[socket.socket], None], expect: str) -> None:
    SCENARIOS.append(Scenario(name, "connect", lambda field: field.raw(behave), expect))


_IGNORE = struct.pack(">IBB", 12, 6, 2) + struct.pack(">I", 0) + b"\0" * 6
_ESCAPES = b"\x1b]52;c;AAAA\x07\xc2\x9b31m\xe2\x80\xae\0\r\n"

_says("silent after the TCP accept", silent_after(b""), _TIMEOUT)
_says("silent in the middle of its banner", silent_after(b"SSH-"), _TIMEOUT)
_says("silent after its banner", silent_after(BANNER), _TIMEOUT)
_says("a byte a second instead of a banner", repeating(b"x", 1), _TIMEOUT)
_says("banner without end, one line", repeating(b"x" * 65536), _PROTOCOL + ".*it has no end")
_says("banner without end, many lines", repeating(b"line\r\n" * 1000), _PROTOCOL)
_says("hangs up at once", lambda connection: connection.close(), _PROTOCOL + ".*hangs up .MaxStartups")
_says("another protocol, with terminal escapes", repeating(b"HTTP/1.1 400 " + _ESCAPES), _PROTOCOL + r".*\\x1b")
_says("terminal escapes, bidi and NUL in its version", silent_after(b"SSH-2.0-" + _ESCAPES), _TIMEOUT)
_says(
    "4 GiB packet length",
    silent_after(BANNER + b"\xff\xff\xff\xfc" + bytes(65536)),
    _PROTOCOL + ".*impossible length",
)
_says("packet length of zero", silent_after(BANNER + bytes(65536)), _PROTOCOL)
_says("noise instead of a key exchange", silent_after(BANNER + bytes(range(256)) * 200), "protocol|timeout")
_says("flood of messages before the key exchange", repeating(_IGNORE * 1000, before=BANNER), "protocol|timeout")


@scenario("rotated host key", "connect", r"unreachable \(host-key\): HOST KEY CHANGED")
def _rotated(field: Field) -> Host:
    return field.ssh(key=paramiko.ECDSAKey.generate())


@scenario("the pinned key without the private half", "connect", _PROTOCOL)
def _forged_signature(field: Field) -> Host:
    class Impostor(paramiko.ECDSAKey):  # type: ignore[misc]
        def asbytes(self) -> bytes:
            return bytes(field.key.asbytes())

        def get_name(self) -> str:
            return str(field.key.get_name())

    return field.ssh(key=Impostor(vals=_private_half()))


def _private_half() -> tuple[object, object]:
    key = paramiko.ECDSAKey.generate()
    return key.signing_key, key.verifying_key


@scenario("only weak algorithms", "connect", _PROTOCOL + "no algorithm in common")
def _weak(field: Field) -> Host:
    def behave(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.set_log_channel(QUIET)
        options = transport.get_security_options()
        options.ciphers, options.digests = ("3des-cbc",), ("hmac-md5",)
        transport.add_server_key(field.key)
        with contextlib.suppress(Exception):
            transport.start_server(server=paramiko.ServerInterface())
            field.over.wait()
        transport.close()

    return field.raw(behave)


@scenario("compression alone, for a bomb", "connect", _PROTOCOL + "no algorithm in common")
def _compressed(field: Field) -> Host:
    def behave(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.set_log_channel(QUIET)
        transport.get_security_options().compression = ("zlib@openssh.com", "zlib")
        transport.add_server_key(field.key)
        with contextlib.suppress(Exception):
            transport.start_server(server=paramiko.ServerInterface())
            field.over.wait()
        transport.close()

    return field.raw(behave)
