"""Servers that name more than they send, or say nothing useful as often as they can."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import paramiko

from stopgap.orchestrator.host import Host

from ..scenario import scenario
from ..server import EvilSsh, Field, ServerTransport, Shell
from .flooding import _DATA, _LOST, _channel, _flood

_EXT_INFO, _KEXINIT, _INFO_REQUEST, _CLOSE, _REQUEST, _EXTENDED = (bytes([n]) for n in (7, 20, 60, 97, 98, 95))
_MOST = 2**32 - 1
_AUTH = r"unreachable \((auth|protocol)\): "


@dataclass
class _Early(EvilSsh):
    """Sends a message as it is as soon as keys are exchanged, once or without end."""

    message: bytes = b""
    endless: bool = False

    def serve(self, connection: socket.socket) -> None:
        """Serve until all is over."""
        server = self

        class Transport(ServerTransport):
            def _parse_newkeys(self, message: paramiko.Message) -> None:
                super()._parse_newkeys(message)
                while True:
                    self._send_message(paramiko.Message(server.message))
                    if not server.endless or not self.is_active():
                        return

        self.kind = Transport
        super().serve(connection)


def _early(field: Field, message: paramiko.Message, *, endless: bool = False) -> Host:
    def serve(connection: socket.socket) -> None:
        server = _Early(field.key, over=field.over, message=message.asbytes(), endless=endless)
        field.servers.append(server)
        server.serve(connection)

    return field.raw(serve)


def _message(kind: bytes, *parts: int | bytes) -> paramiko.Message:
    message = paramiko.Message()
    message.add_bytes(kind)
    for part in parts:
        message.add_int(part) if isinstance(part, int) else message.add_string(part)
    return message


@scenario("4 294 967 295 extensions, in five bytes", "log in", _AUTH + ".*an impossible number of extensions")
def _extensions(field: Field) -> Host:
    return _early(field, _message(_EXT_INFO, _MOST))


@scenario("an extension that is longer than its message", "log in", _AUTH + ".*longer than its message")
def _long_extension(field: Field) -> Host:
    return _early(field, _message(_EXT_INFO, 1, _MOST))


@scenario("extensions of 200 kB again and again", "log in", _AUTH + ".*flood")
def _extension_flood(field: Field) -> Host:
    return _early(field, _message(_EXT_INFO, 1, b"x", b"y" * 200_000), endless=True)


# The prompts may come after the login, on a busy machine: the connection then ends in the exchange.
@scenario("4 294 967 295 prompts that nobody asked for", "log in", f"{_AUTH}|^unknown, unknown: ")
def _prompts(field: Field) -> Host:
    return _early(field, _message(_INFO_REQUEST, b"a", b"b", b"c", _MOST))


class _Offering(ServerTransport):
    """Offers 7000 methods where there are some eight."""

    def _send_message(self, data: paramiko.Message) -> None:
        raw = data.asbytes()
        if raw[:1] == _KEXINIT:
            offer = paramiko.Message(raw[1:])
            changed = paramiko.Message()
            changed.add_bytes(_KEXINIT + offer.get_bytes(16))
            for place in range(10):
                known = offer.get_list()
                changed.add_list([*known, *(f"k{n}@x" for n in range(7000))] if place in {0, 2, 3} else known)
            changed.add_bytes(offer.get_remainder())
            self.local_kex_init = self._latest_kex_init = changed.asbytes()
            data = changed
        super()._send_message(data)


@scenario(
    "an offer of 21 000 algorithms", "connect", r"unreachable \(protocol\): .*an offer of algorithms without end"
)
def _algorithms(field: Field) -> Host:
    return field.ssh(kind=_Offering)


@scenario("empty data without end", "flood", _LOST)
def _empty(field: Field) -> Host:
    return _flood(field, _DATA, _channel, b"")


@scenario("data that names more than it sends", "flood", _LOST)
def _padded(field: Field) -> Host:
    return _flood(field, _DATA, _channel, _MOST)


@scenario("extended data of a kind that there is not", "flood", _LOST)
def _extended(field: Field) -> Host:
    return _flood(field, _EXTENDED, _channel, 7, b"x" * 32_000)


@scenario("exit statuses without end", "flood", _LOST)
def _statuses(field: Field) -> Host:
    return _flood(field, _REQUEST, _channel, b"exit-status", True, 0)


def _closed(shell: Shell) -> int:
    """Close the channel first, and go on as if it were open."""
    shell.send(_CLOSE, _channel(shell))
    return _channel(shell)


@scenario("data for a channel that it has closed", "flood", _LOST)
def _dead(field: Field) -> Host:
    return _flood(field, _DATA, _closed, b"x" * 1000)
