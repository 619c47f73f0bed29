"""SSH: fabric's Connection with pinned host keys and deadlines, and the session for exchanges over the connection."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

from fabric import Config
from fabric import Connection as FabricConnection
from paramiko import Channel, ChannelException, SSHException
from paramiko.config import SSHConfig

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.channel import ChannelAhead, ChannelLine
from stopgap.orchestrator.remote.exchange import Exchanged, FramedSession
from stopgap.orchestrator.remote.gateway import Gateway
from stopgap.orchestrator.remote.guard import guard
from stopgap.orchestrator.remote.identity.offers import Offer, offers_for
from stopgap.orchestrator.remote.known_hosts import Pinned
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.line import LineBrokenError
from stopgap.orchestrator.remote.login import HungUpError, authenticate, negotiate, read_pinned
from stopgap.orchestrator.remote.login_settings import Login
from stopgap.orchestrator.remote.session import Item, Sink, Unreachable
from stopgap.orchestrator.remote.transport import HardenedTransport
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp


class Connection(FabricConnection):  # type: ignore[misc]
    """A connection to one host; address and login come from the inventory alone.

    No configuration file of ssh or fabric is read, no password is known, and no host reaches the operator's agent.
    `gateway` leads through a jump host; `dialled` is an existing TCP connection to the host; with `compressed` both
    directions are compressed once logged in, where the host can do that. Operations of fabric other than `open` and
    `close` trust the host and are refused: use exchanges.
    """

    fingerprint: str | None = None
    transport: Any
    _login: Login
    _limits: Limits
    _dialled: socket.socket | None
    _compressed: bool

    def __init__(
        self,
        login: Login,
        limits: Limits,
        gateway: Gateway | None = None,
        dialled: socket.socket | None = None,
        *,
        compressed: bool = False,
    ) -> None:
        host = login.host
        super().__init__(host.address, host.user, host.port, config=_config(), gateway=gateway, forward_agent=False)
        self._set(_login=login, _limits=limits, _dialled=dialled, _compressed=compressed)

    __setattr__ = object.__setattr__
    """No attribute is a setting: invoke would look for one among all names, each time."""

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

    def forget(self) -> None:
        """Hold nothing more of a connection that is closed."""
        transport, self.transport = self.transport, None
        transport.forget()

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
            compressed=self._compressed,
            host=self._login.host.name,
        )
        watch = guard(deadline.left() + self._limits.grace, transport.close)
        try:
            shown = negotiate(transport, self._login, pinned, deadline)
            authenticate(transport, self._login.host, offers, deadline)
        except BaseException:
            transport.close()
            raise
        finally:
            watch.cancel()
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


@cache
def _config() -> Config:
    """Return the configuration of every connection: fabric's defaults, which nothing changes."""
    return Config(lazy=True, ssh_config=SSHConfig())


class SshSession(FramedSession):
    """Exchanges over one connection, each on a separate channel; the next channel is opened ahead.

    On a router the shell of the next exchange is started ahead, beside the one that runs: a cut is a round trip
    earlier. Other hosts get no shell ahead, since the list of their processes may be evidence.
    """

    _is_beside = False

    def __init__(self, host: Host, limits: Limits, connection: Connection, ahead: ChannelAhead | None = None) -> None:
        super().__init__(host, limits)
        self.fingerprint = connection.fingerprint
        self._connection = connection
        self._ahead = ahead or ChannelAhead(connection.transport, limits)

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
        ahead = ChannelAhead(self._connection.transport, self._limits)
        return BesideSession(self.host, self._limits, self._connection, ahead) if ahead.is_open else None

    def _attempt(self, items: Sequence[Item], stop_on_failure: bool, deadline: float, sink: Sink | None) -> Exchanged:
        made = super()._attempt(items, stop_on_failure, deadline, sink)
        if self._limits.asked_once and _is_over(self.host, made):
            self.close()
            self._ahead.forget()
            self._connection.forget()
        return made

    def _open_line(self, words: Sequence[str], deadline: float) -> ChannelLine:
        watch = guard(deadline + self._limits.grace / 2, self._connection.close)
        try:
            channel = self._ahead.take(_command(words))
        except (SSHException, EOFError, OSError) as error:
            watch.cancel()
            raise LineBrokenError(tr("no channel could be opened: {error}", error=error)) from None
        transport = self._connection.transport
        later = self._limits.asked_once or self._is_beside
        self._ahead = ChannelAhead(transport, self._limits, later=later)
        if not later and self.host.may_block and self.host.become is None:
            self._ahead.begin(_command(self._shell))
        return ChannelLine(channel, watch, transport.round_trip or 0.0, self._limits)


class BesideSession(SshSession):
    """Exchanges beside those of another session over the same connection; closing it leaves the connection open.

    No channel is opened ahead of a second exchange: a server admits some ten of a connection.
    """

    _is_beside = True
    _line: ChannelLine | None = None

    def close(self) -> None:
        """End the running exchange, and close the channel that is open ahead."""
        FramedSession.close(self)
        if self._line is not None:
            self._line.stop()
        self._ahead.close()

    def beside(self) -> None:
        """Return no third session."""

    def _open_line(self, words: Sequence[str], deadline: float) -> ChannelLine:
        self._line = super()._open_line(words, deadline)
        return self._line


def _is_over(host: Host, made: Exchanged) -> bool:
    """Return True if nothing more is to be asked of a host that every item has answered for."""
    contains_others = host.may_block or host.driver is not None or host.vantage is not None
    return made.in_step and not contains_others and all(output.status is not None for output in made.outputs)


def _command(words: Sequence[str]) -> str:
    return f"exec {join(words)}"
