"""SSH: fabric's Connection with pinned host keys and deadlines, and the session for exchanges over the connection."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from fabric import Config
from fabric import Connection as FabricConnection
from paramiko import Channel, ChannelException, SSHException
from paramiko.config import SSHConfig

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.exchange import FramedSession
from stopgap.orchestrator.remote.gateway import Gateway
from stopgap.orchestrator.remote.identity.offers import Offer, offers_for
from stopgap.orchestrator.remote.known_hosts import Pinned
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.line import LineBrokenError
from stopgap.orchestrator.remote.login import HungUpError, authenticate, negotiate, read_pinned
from stopgap.orchestrator.remote.login_settings import Login
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.remote.transport import Arrival, HardenedTransport, request_exec
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp

_PORTION = 64 << 10
_WINDOW_POLL = 0.005
_SESSION_ENDS, _SESSION_POLL = 2.0, 0.05
"""Seconds granted to the end of the session before, and between two attempts."""


class Connection(FabricConnection):  # type: ignore[misc]
    """A connection to one host; address and login come from the inventory alone.

    No configuration file of ssh or fabric is read, no password is known, and no host reaches the operator's agent.
    `gateway` leads through a jump host; `dialled` is an existing TCP connection to the host. Operations of fabric
    other than `open` and `close` trust the host and are refused: use exchanges.
    """

    fingerprint: str | None = None
    _login: Login
    _limits: Limits
    _dialled: socket.socket | None

    def __init__(
        self,
        login: Login,
        limits: Limits,
        gateway: Gateway | None = None,
        dialled: socket.socket | None = None,
    ) -> None:
        host = login.host
        config = Config(lazy=True, ssh_config=SSHConfig())
        super().__init__(host.address, host.user, host.port, config=config, gateway=gateway, forward_agent=False)
        self._set(_login=login, _limits=limits, _dialled=dialled)

    def open(self, deadline: Deadline | None = None) -> None:
        """Connect and log in, through the gateway if set. Raises Unreachable."""
        if self.is_connected:
            return
        host = self._login.host
        deadline = deadline or Deadline(self._limits.connect)
        try:
            self._log_in(deadline)
        except Unreachable:
            raise
        except CancelledError:
            raise Unreachable(host.name, "cancelled", "cancelled") from None
        except TimeoutError:
            reason = tr(
                "no answer within {seconds} s; `connect_timeout` in the inventory gives it longer",
                seconds=f"{deadline.seconds:g}",
            )
            raise Unreachable(host.name, reason, "timeout") from None
        except HungUpError:
            reason = tr("the server accepts connections and hangs up (MaxStartups, or its access rules)")
            raise Unreachable(host.name, reason, "protocol") from None
        except socket.gaierror as error:
            raise Unreachable(
                host.name, tr("{address}: {strerror}", address=host.address, strerror=error.strerror), "name"
            ) from None
        except ConnectionRefusedError:
            raise Unreachable(host.name, tr("port {port} refuses connections", port=host.port), "refused") from None
        except OSError as error:
            raise Unreachable(host.name, error.strerror or str(error), "network") from None

    def open_gateway(self, deadline: Deadline | None = None) -> Channel:
        """Open a channel through the jump host, after the same pinning and login as for any host."""
        host = self._login.host
        deadline = deadline or Deadline(self._limits.connect)
        self.gateway.open(deadline)
        try:
            return self.gateway.transport.open_channel(
                "direct-tcpip", (host.address, host.port), ("127.0.0.1", 0), timeout=deadline.left()
            )
        except (SSHException, EOFError, OSError) as error:
            deadline.check()
            if self.gateway.is_connected and not isinstance(error, ChannelException):
                raise TimeoutError from None
            reason = tr(
                "its jump host does not let through to {address} port {port}: {error}",
                address=host.address,
                port=host.port,
                error=error,
            )
            raise Unreachable(host.name, reason[:300], "network") from None

    def close(self) -> None:
        """Close the connection and an unshared gateway, and end their threads."""
        if self._dialled is not None:
            self._dialled.close()
        if self.transport is not None:
            self.transport.close()
        if self.gateway is not None:
            self.gateway.close()

    def _log_in(self, deadline: Deadline) -> None:
        pinned = read_pinned(self._login)
        with offers_for(self._login.host, self._login.keys) as offers:
            self._log_in_with(offers, pinned, deadline)

    def _log_in_with(self, offers: Sequence[Offer], pinned: Pinned, deadline: Deadline) -> None:
        attempt, hung_up = 0, False
        while True:
            attempt += 1
            try:
                self._try_to_log_in(pinned, offers, deadline)
            except HungUpError:
                hung_up = True
                pause = random.uniform(0.3, 1) * min(0.1 * 2**attempt, 2)  # noqa: S311
                if attempt == self._limits.banner_attempts or pause > deadline.left():
                    raise
                with contextlib.suppress(TimeoutError):
                    deadline.sleep(pause)
            except TimeoutError:
                if hung_up:  # the earlier failure tells more than the timeout
                    raise HungUpError from None
                raise
            else:
                return

    def _try_to_log_in(self, pinned: Pinned, offers: Sequence[Offer], deadline: Deadline) -> None:
        transport = HardenedTransport(
            self._socket(deadline),
            self._limits,
            pinned.types,
            certificates=bool(pinned.authorities),
            host=self._login.host.name,
        )
        guard = threading.Timer(deadline.left() + self._limits.grace, transport.close)
        guard.start()
        try:
            shown = negotiate(transport, self._login, pinned, deadline)
            authenticate(transport, self._login.host, offers, deadline)
        except BaseException:
            transport.close()
            raise
        finally:
            guard.cancel()
        transport.set_keepalive(self._limits.keepalive)
        self.fingerprint = shown
        self.transport = transport

    def _socket(self, deadline: Deadline) -> Any:  # noqa: ANN401
        if self.gateway is not None:
            return self.open_gateway(deadline)
        if self._dialled is not None:
            dialled, _ = self._dialled, self._set(_dialled=None)
            return dialled
        host = self._login.host
        return connect_tcp(host.address, host.port, deadline, self._limits.silence)

    def _refuse(self, *_arguments: object, **_options: object) -> NoReturn:
        raise TypeError(tr("a host is worked on by exchanges alone"))

    run = sudo = shell = local = sftp = get = put = forward_local = forward_remote = create_session = _refuse


class SshSession(FramedSession):
    """Exchanges over one connection, each on a separate channel; the next channel is opened ahead."""

    def __init__(
        self, host: Host, limits: Limits, connection: Connection, ahead: _ChannelAhead | None = None
    ) -> None:
        super().__init__(host, limits)
        self.fingerprint = connection.fingerprint
        self._connection = connection
        self._ahead = ahead or _ChannelAhead(connection.transport, limits)

    @property
    def alive(self) -> bool:
        """True while the transport is open and the framing is intact."""
        return super().alive and bool(self._connection.is_connected)

    def close(self) -> None:
        """Close the connection."""
        super().close()
        self._connection.close()

    def beside(self) -> SshSession | None:
        """Return a session over the same connection, unless the server lets no further channel be opened."""
        ahead = _ChannelAhead(self._connection.transport, self._limits)
        return BesideSession(self.host, self._limits, self._connection, ahead) if ahead.is_open else None

    def _open_line(self, words: Sequence[str], deadline: float) -> _ChannelLine:
        guard = threading.Timer(deadline + self._limits.grace / 2, self._connection.close)
        guard.daemon = True
        guard.start()
        try:
            channel = self._ahead.take()
            request_exec(channel, f"exec {join(words)}")
        except (SSHException, EOFError, OSError) as error:
            guard.cancel()
            raise LineBrokenError(tr("no channel could be opened: {error}", error=error)) from None
        self._ahead = _ChannelAhead(self._connection.transport, self._limits)
        return _ChannelLine(channel, guard)


class BesideSession(SshSession):
    """Exchanges beside those of another session over the same connection; closing it leaves the connection open."""

    _line: _ChannelLine | None = None

    def close(self) -> None:
        """End the running exchange, and close the channel that is open ahead."""
        FramedSession.close(self)
        if self._line is not None:
            self._line.stop()
        self._ahead.close()

    def beside(self) -> None:
        """Return no third session."""

    def _open_line(self, words: Sequence[str], deadline: float) -> _ChannelLine:
        self._line = super()._open_line(words, deadline)
        return self._line


class _ChannelAhead:
    """A channel opened in the background, to save the round trip."""

    def __init__(self, transport: HardenedTransport, limits: Limits) -> None:
        self._transport = transport
        self._limits = limits
        self._channel: Channel | None = None
        self._failure: Exception | None = None
        self._opener = threading.Thread(target=self._open, name="channel ahead", daemon=True)
        self._opener.start()

    def take(self) -> Channel:
        """Return the channel; raises paramiko's exceptions.

        A server with one session at a time (MaxSessions 1) refuses until the end of the session before: retried.
        """
        self._opener.join()
        if self._channel is not None and not self._channel.closed:
            return self._channel
        if self._failure is not None and not isinstance(self._failure, ChannelException):
            raise self._failure
        end = time.monotonic() + min(_SESSION_ENDS, self._limits.start)
        while True:
            try:
                return self._transport.open_session(timeout=self._limits.start)
            except ChannelException:
                if time.monotonic() > end:
                    raise
                time.sleep(_SESSION_POLL)

    @property
    def is_open(self) -> bool:
        """True if the server has opened the channel; waits for its answer."""
        self._opener.join()
        return self._channel is not None

    def close(self) -> None:
        """Close the channel if nobody took it, without waiting for the host."""
        threading.Thread(target=self._close, name="channel ahead", daemon=True).start()

    def _close(self) -> None:
        if self.is_open and self._channel is not None and not self._channel.closed:
            with contextlib.suppress(SSHException, EOFError, OSError):
                self._channel.close()

    def _open(self) -> None:
        try:
            self._channel = self._transport.open_session(timeout=self._limits.start)
        except (SSHException, EOFError, OSError) as error:
            self._failure = error


class _ChannelLine:
    def __init__(self, channel: Channel, guard: threading.Timer) -> None:
        self._channel = channel
        self._guard = guard
        self._arrival = Arrival(channel)
        self._stopped = False

    def send(self, data: memoryview) -> int:
        channel = self._channel
        if channel.closed or channel.eof_sent:
            return len(data)
        if not channel.send_ready():
            return 0
        try:
            return int(channel.send(bytes(data)))
        except (SSHException, EOFError, OSError):
            return len(data)

    def receive(self, timeout: float, *, sending: bool) -> tuple[bytes, bytes]:
        self._arrival.forget()
        if not self._ready() and not self._over():
            self._arrival.wait(min(timeout, _WINDOW_POLL) if sending else timeout)
        channel = self._channel
        try:
            stdout = channel.recv(_PORTION) if channel.recv_ready() else b""
            stderr = channel.recv_stderr(_PORTION) if channel.recv_stderr_ready() else b""
        except (SSHException, EOFError, OSError) as error:
            raise LineBrokenError(str(error) or "closed") from None
        return stdout, stderr

    def at_end(self) -> bool:
        return self._stopped or (self._over() and not self._ready())

    def stop(self) -> None:
        """End a running exchange, without a word to the host; callable from any thread."""
        self._stopped = True
        self._arrival.set()

    def close(self) -> None:
        """Close the channel, not the connection, unless the host does not even take that."""
        try:
            self._channel.close()
        except (SSHException, EOFError, OSError):
            return
        finally:
            self._guard.cancel()

    def _ready(self) -> bool:
        return bool(self._channel.recv_ready() or self._channel.recv_stderr_ready())

    def _over(self) -> bool:
        return bool(self._stopped or self._channel.closed or self._channel.eof_received)
