"""paramiko's transport, hardened against the server. All uses of paramiko's private attributes are here.

The attributes are `Transport._preferred_*`, `_kex_info`, `_compression_info`, `_active_check_timeout`,
`_channel_handler_table`, `_really_parse_kex_init`, `_verify_key`, `_negotiate_keys`, `_parse_newkeys`,
`_parse_debug`, `_parse_ext_info`, `_next_channel`, `_channels`, `_handler_table` and `_send_user_message`,
`Packetizer._read_timeout`, `AuthHandler._request_auth` and `_parse_service_accept`, `Channel._feed`,
`_set_transport` and `_set_window`, and `Channel.in_buffer`, `in_stderr_buffer` and `in_window_size`, public only by
name.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from paramiko import Channel, Message, PKey, SSHException, Transport
from paramiko.auth_handler import AuthHandler
from paramiko.common import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
    cMSG_CHANNEL_OPEN,
    cMSG_CHANNEL_REQUEST,
    cMSG_CHANNEL_WINDOW_ADJUST,
)
from paramiko.compress import ZlibCompressor
from paramiko.packet import Packetizer

from stopgap.orchestrator.log import Log
from stopgap.orchestrator.remote.allowance import Allowance
from stopgap.orchestrator.remote.compression import DELAYED, BoundedDecompressor
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.read_ahead import ReadAhead
from stopgap.orchestrator.text import tr

_DATA_MESSAGES = frozenset({MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_WINDOW_ADJUST})
_JOIN = 3.0
_CURVE25519, _CURVE25519_BEFORE = "curve25519-sha256", "curve25519-sha256@libssh.org"
_CERTIFICATE = "-cert-v01@openssh.com"
_STDERR = 1
"""SSH_EXTENDED_DATA_STDERR (RFC 4254, 5.2)."""

_LOG = Log("stopgap.orchestrator.remote.paramiko")


class CappedPacketizer(Packetizer):  # type: ignore[misc]
    """Caps the length of packets and of the banner, and the flood of messages without data."""

    def __init__(self, limits: Limits, connection: Any) -> None:  # noqa: ANN401
        self._tcp = connection if isinstance(connection, socket.socket) else None
        super().__init__(connection if self._tcp is None else ReadAhead(self._tcp))
        self._limits = limits
        self._banner_bytes = 0
        self.allowance = Allowance(limits)

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Read exactly n bytes, if within the server's limit for one read."""
        if not 0 <= n <= self._limits.packet:
            raise SSHException(tr("a packet of impossible length"))
        data: bytes = super().read_all(n, check_rekey)
        return data

    def read_message(self) -> tuple[int, Message]:
        """Read one message of any kind and count the message."""
        kind, message = super().read_message()
        if kind not in _DATA_MESSAGES:
            self._acknowledge()
        if not self.allowance.spend(_size(message)):
            raise SSHException(tr("a flood of messages"))
        return kind, message

    def close(self) -> None:
        """Close the connection; a tunnel behind a closed jump host too, since other threads wait for the close."""
        with contextlib.suppress(OSError, EOFError, SSHException):
            super().close()

    def start_handshake(self, timeout: float) -> None:
        """Start no timer: its thread would outlive a failed connection, and the caller's deadline governs."""

    def _acknowledge(self) -> None:
        """Send TCP acknowledgements at once: sshd uses Nagle's algorithm until a session begins (tcp(7))."""
        if self._tcp is not None and hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):
                self._tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _read_timeout(self, timeout: float) -> bytes:
        data: bytes = super()._read_timeout(timeout)
        self._banner_bytes += len(data)
        if self._banner_bytes > self._limits.banner:
            raise SSHException(tr(": it has no end"))
        return data


class PromptAuthHandler(AuthHandler):  # type: ignore[misc]
    """Sends the service request and the login request together; the reply to the service request is ignored."""

    def _request_auth(self) -> None:
        super()._request_auth()
        accepted = Message()
        accepted.add_string("ssh-userauth")
        accepted.rewind()
        super()._parse_service_accept(accepted)

    def _parse_service_accept(self, _message: Message) -> None:
        pass


class HardenedTransport(Transport):  # type: ignore[misc]
    """A client transport: modern algorithms only, bounded memory, no log output, and a prompt close."""

    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes256-ctr",
        "aes192-ctr",
        "aes128-ctr",
    )
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    )
    _preferred_keys: tuple[str, ...] = (
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
    )
    # paramiko knows the method only by the name before RFC 8731.
    _kex_info = {**Transport._kex_info, _CURVE25519: Transport._kex_info.get(_CURVE25519_BEFORE)}
    _preferred_kex = tuple(
        name
        for name in (
            "mlkem768x25519-sha256",
            _CURVE25519,
            _CURVE25519_BEFORE,
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group16-sha512",
            "diffie-hellman-group14-sha256",
        )
        if (name if name != _CURVE25519 else _CURVE25519_BEFORE) in Transport._preferred_kex
    )
    _preferred_compression: tuple[str, ...] = ("none",)
    auth_handler: AuthHandler | None
    _handler_table: Mapping[int, Any]

    def __init__(
        self,
        connection: Any,  # noqa: ANN401
        limits: Limits,
        key_types: tuple[str, ...] = (),
        *,
        certificates: bool = False,
        compressed: bool = False,
        host: str = "",
    ) -> None:
        """Use this socket or channel; the given host key types are requested first.

        `host`: the name of the host in the log. With `compressed` packets are compressed after the login, where the
        server can do that: no byte is decompressed for a server that has not proved its key.

        With `certificates` a host certificate is requested before any plain key.
        """
        self.offered: Mapping[str, Sequence[str]] = {}
        """The algorithms of the server's first offer, by the names of paramiko, until one of each kind is in use."""
        self.shown_key = b""
        """The server's host key or host certificate, in wire format."""
        self.round_trip: float | None = None
        """Seconds in which the host has opened a channel, the least so far; None before the first."""
        self._active_check_timeout = limits.poll
        self._limits = limits
        super().__init__(
            connection,
            default_window_size=limits.window,
            default_max_packet_size=limits.channel_packet,
            packetizer_class=partial(CappedPacketizer, limits),
        )
        self.logger = _LOG.at(host)
        self.packetizer.set_log(self.logger)
        self.banner_timeout = limits.connect
        self.auth_timeout = limits.connect
        self.channel_timeout = limits.start
        self.clear_to_send_timeout = limits.start
        wanted = [algorithm for name in key_types for algorithm in _signatures(name)]
        self._preferred_keys = (
            *(name for name in wanted if name in type(self)._preferred_keys),
            *(name for name in type(self)._preferred_keys if name not in wanted),
        )
        if certificates:
            self._preferred_keys = (
                *(f"{name}{_CERTIFICATE}" for name in self._preferred_keys),
                *self._preferred_keys,
            )
        if compressed:
            self._preferred_compression = (DELAYED, "none")
            bounded = partial(BoundedDecompressor, limits.packet)
            self._compression_info = {"none": (None, None), DELAYED: (ZlibCompressor, bounded)}
        self._channel_handler_table = {
            **Transport._channel_handler_table,
            MSG_CHANNEL_DATA: self._take_stdout,
            MSG_CHANNEL_EXTENDED_DATA: self._take_stderr,
        }

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Return the offered host key algorithms; certificates only where the host has an authority."""
        return self._preferred_keys

    def log_in(self, user: str, key: PKey, event: threading.Event) -> None:
        """Send a login request with a key; the event signals the reply. Raises SSHException.

        OpenSSH's server accepts the login request together with the service request, and a round trip is saved. An
        RSA key waits for the server's list of signature algorithms.
        """
        if "OpenSSH" not in self.remote_version or "rsa" in key.get_name():
            self.auth_publickey(user, key, event)
            return
        if not self.is_active():
            raise SSHException(tr("no connection to log in over"))
        self.auth_handler = handler = PromptAuthHandler(self)
        handler.auth_publickey(user, key, event)

    def begin_session(self) -> Opening:
        """Ask for a channel of a session; the server's answer is for `session`. Raises SSHException.

        `open_session` sends the same, and waits.
        """
        with self.lock:
            channel = Channel(self._next_channel())
            opening = Opening(channel)
            self._channels.put(channel.chanid, channel)
            self.channel_events[channel.chanid] = opening
            self.channels_seen[channel.chanid] = True
            channel._set_transport(self)
            channel._set_window(self.default_window_size, self.default_max_packet_size)
        if not self.active:
            raise SSHException(tr("no connection to open a channel over"))
        message = Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string("session")
        message.add_int(channel.chanid)
        message.add_int(self.default_window_size)
        message.add_int(self.default_max_packet_size)
        self._send_user_message(message)
        return opening

    def session(self, opening: Opening, timeout: float) -> Channel:
        """Return the channel once the server has opened the channel. Raises paramiko's exceptions."""
        if not opening.wait(timeout):
            raise SSHException(tr("no answer to the request for a channel"))
        if self.active and self._channels.get(opening.channel.chanid) is opening.channel:
            return opening.channel
        raise self.get_exception() or SSHException(tr("the server opened no channel"))

    def get_exception(self) -> Exception | None:
        """Return the reason for the end of the connection, always as SSHException.

        paramiko keeps any exception of its thread, such as a KeyError for an unknown message type, and raises the
        exception again in every thread in wait for the host.
        """
        failure: Exception | None = super().get_exception()
        if failure is not None and not isinstance(failure, SSHException | EOFError | OSError):
            failure = SSHException(tr("the host sent what no SSH server sends"))
        return failure

    @property
    def lacking(self) -> tuple[str, Sequence[str]]:
        """Return the kind of algorithm without a match, and the server's offer of the kind."""
        ours = {
            tr("key exchange"): ("kex_algo_list", self.preferred_kex),
            tr("host key"): ("server_key_algo_list", self.preferred_keys),
            "cipher": ("server_encrypt_algo_list", self.preferred_ciphers),
            "MAC": ("server_mac_algo_list", self.preferred_macs),
            "compression": ("server_compress_algo_list", self.preferred_compression),
        }
        for kind, (name, known) in ours.items():
            if not set(known) & set(theirs := self.offered.get(name, ())):
                return kind, theirs
        return "algorithm", ()

    def _really_parse_kex_init(self, message: Message, ignore_first_byte: bool = False) -> dict[str, Any]:
        parsed: dict[str, Any] = super()._really_parse_kex_init(message, ignore_first_byte)
        self.offered = self.offered or {name: value for name, value in parsed.items() if isinstance(value, list)}
        return parsed

    def _verify_key(self, host_key: bytes, signature: bytes) -> None:
        super()._verify_key(host_key, signature)
        self.shown_key = self.shown_key or host_key

    def _parse_newkeys(self, message: Message) -> None:
        super()._parse_newkeys(message)
        self.offered = {}

    def _negotiate_keys(self, message: Message) -> None:
        if _size(message) > self._limits.key_exchange:
            raise SSHException(tr("an offer of algorithms without end"))
        super()._negotiate_keys(message)

    def _parse_ext_info(self, message: Message) -> None:
        """Parse the server's extensions, at most the received bytes, for any announced count (RFC 8308, 2.3)."""
        count = message.get_int()
        if count > self._limits.extensions:
            raise SSHException(tr("an impossible number of extensions"))
        self.server_extensions = {_string(message).decode("ascii", "replace"): _string(message) for _ in range(count)}

    def _parse_debug(self, message: Message) -> None:
        """Format a debug message of the server only for a log with debug messages: sshd sends one for each key."""
        if self.logger.isEnabledFor(logging.DEBUG):
            super()._parse_debug(message)

    def _take_stdout(self, channel: Channel, message: Message) -> None:
        data = _string(message)
        Channel._feed(channel, data)
        self._taken(channel, data)

    def _take_stderr(self, channel: Channel, message: Message) -> None:
        """Take standard error; other extended data is counted as unsolicited."""
        if message.get_int() == _STDERR:
            data = _string(message)
            channel.in_stderr_buffer.feed(data)
            self._taken(channel, data)

    def _taken(self, channel: Channel, data: bytes) -> None:
        held = len(channel.in_buffer) + len(channel.in_stderr_buffer)
        if held > channel.in_window_size + self._limits.channel_packet:
            raise SSHException(tr("data beyond the receive window"))
        self.packetizer.allowance.give_back(len(data))

    def close(self) -> None:
        """Close the connection and end the thread at once, even during a network wait."""
        with contextlib.suppress(OSError, EOFError, SSHException):
            if isinstance(self.sock, socket.socket):
                self.sock.shutdown(socket.SHUT_RDWR)
        super().close()
        with contextlib.suppress(OSError, EOFError, SSHException):
            self.sock.close()
        if self.is_alive() and self is not threading.current_thread():
            self.join(_JOIN)

    def forget(self) -> None:
        """Let go, once closed, of what holds the transport itself: memory that a collection would free late."""
        self.auth_handler = self.kex_engine = self.saved_exception = None
        self._channel_handler_table = self._handler_table = {}


class Opening(threading.Event):
    """A channel asked for; set once the server has answered, or the connection is over."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel
        self._begun = time.monotonic()
        self.took = 0.0
        """Seconds until the answer came."""

    def set(self) -> None:
        """Note the answer; called by paramiko."""
        self.took = time.monotonic() - self._begun
        super().set()


class Arrival:
    """Signals data on, or the end of, either stream of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._event = threading.Event()
        channel.in_buffer.set_event(self)
        channel.in_stderr_buffer.set_event(self)

    def set(self) -> None:
        """Note an arrival; called by paramiko."""
        self._event.set()

    def clear(self) -> None:
        """Do nothing: paramiko calls `clear` for one empty stream, and the other stream may hold data."""

    def forget(self) -> None:
        """Forget all arrivals so far, before a read of the streams."""
        self._event.clear()

    def wait(self, timeout: float) -> None:
        """Wait for an arrival since `forget`."""
        self._event.wait(timeout)


def request_exec(channel: Channel, command: str) -> None:
    """Request a command without waiting for the reply, so that the input follows at once.

    A refusal closes the channel.
    """
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    channel.transport._send_user_message(message)


def widen(channel: Channel, more: int) -> None:
    """Let the host send as many bytes more ahead of the reader. Raises paramiko's exceptions."""
    channel.in_window_size += more  # before the host hears of it
    message = Message()
    message.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
    message.add_int(channel.remote_chanid)
    message.add_int(more)
    channel.transport._send_user_message(message)


def _size(message: Message) -> int:
    """Return the bytes of a message without its type."""
    return int(message.packet.getbuffer().nbytes)


def _string(message: Message) -> bytes:
    """Read a string of a message; paramiko pads a string announced too long, up to a mebibyte."""
    length = message.get_int()
    if length > _size(message) - message.packet.tell():
        raise SSHException(tr("a string that is longer than its message"))
    return bytes(message.get_bytes(length))


def _signatures(key_type: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)
