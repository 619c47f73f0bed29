"""From a host of the inventory to a session with the host."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from stopgap.orchestrator.host import Cli, Host
from stopgap.orchestrator.loading import load
from stopgap.orchestrator.log import Log
from stopgap.orchestrator.remote.become import advice
from stopgap.orchestrator.remote.exchange import FramedSession
from stopgap.orchestrator.remote.gateway import Gateway
from stopgap.orchestrator.remote.identity.choice import KeyChoice, ask_for_passphrases
from stopgap.orchestrator.remote.jumps import Jumps
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.local import LocalSession
from stopgap.orchestrator.remote.login_settings import Login, login_of
from stopgap.orchestrator.remote.session import Item, Session, Unreachable
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import CancelledError, Deadline
from stopgap.orchestrator.wire.tcp import connect_tcp

if TYPE_CHECKING:
    from paramiko import SFTPClient

    from stopgap.orchestrator.remote.ssh import Connection

_SSH = ("encodings.idna", "pwd", "stopgap.orchestrator.remote.fabric_library", "stopgap.orchestrator.remote.ssh")
_DEVICE = (*_SSH, "stopgap.orchestrator.remote.device.session", "stopgap.orchestrator.remote.device.terminal")

_LOG = Log("stopgap.orchestrator.remote")


def spoken_to_by(hosts: Iterable[Host]) -> tuple[str, ...]:
    """Return the modules needed for sessions with these hosts, for `load` in the thread that starts the others.

    The import of fabric and paramiko takes a sixth of a second, of netmiko half a second: a run on the controller
    alone skips the import.
    """
    modules: dict[str, None] = {}
    for host in hosts:
        if host.cli is not None:
            modules |= dict.fromkeys(_DEVICE)
        elif host.connection == "ssh" and host.transport == "paramiko":
            modules |= dict.fromkeys(_SSH)
    return tuple(modules)


def connect(
    host: Host,
    hosts: Mapping[str, Host],
    limits: Limits = Limits(),  # noqa: B008 - frozen
    cancelled: threading.Event | None = None,
    jumps: Jumps | None = None,
) -> Session:
    """Open a session with a host, over the host's jump hosts, found in `hosts`. Raises Unreachable.

    Returns within `limits.connect` seconds, or within the `connect_timeout` and `first_word_timeout` of the host and
    of the jump hosts, or soon after `cancelled` is set; a failure leaves no connection open. With `jumps` the
    connection to a jump host is shared with other hosts behind the jump host; without, every hop is a new connection.
    """
    log, begun = _LOG.at(host.name), time.monotonic()
    if host.connection == "ssh":
        log.info("connecting to %s port %d as %s", host.address, host.port, host.user)
    try:
        session = _connect(host, hosts, limits, cancelled, jumps)
    except Unreachable as error:
        log.warning("out of reach after %.3f s: %s", time.monotonic() - begun, error)
        raise
    log.info("connected after %.3f s", time.monotonic() - begun)
    return session


def _connect(
    host: Host, hosts: Mapping[str, Host], limits: Limits, cancelled: threading.Event | None, jumps: Jumps | None
) -> Session:
    if host.connection == "exec":
        from stopgap.orchestrator.remote.provider import ProviderSession  # noqa: PLC0415

        return ProviderSession(host, limits)
    if host.connection == "local" and host.cli is None:
        session: FramedSession = LocalSession(host, limits)
        deadline = Deadline(limits.connect, cancelled)
    elif host.transport == "openssh":
        limits = limits_of(host, hosts, limits)
        deadline = Deadline(limits.connect, cancelled)
        from stopgap.orchestrator.remote.openssh.session import open_session  # noqa: PLC0415 - seldom needed

        session = open_session(host, hosts, limits, deadline)
    else:
        login = login_of(host, hosts)
        ask_for_passphrases(each.keys for each in login.way)
        limits = _limits_of([each.host for each in login.way], limits)
        deadline = Deadline(limits.connect, cancelled)
        if host.cli is not None:
            return _open_device(login, limits, deadline, jumps)
        session = _open_ssh(login, limits, deadline, jumps)
    if host.become:
        _become(session, deadline)
    return session


@contextmanager
def connected_sftp(
    host: Host,
    hosts: Mapping[str, Host],
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Iterator[SFTPClient]:
    """Yield an SFTP client of a server that keeps files for the operator: never of a target. Raises Unreachable.

    Keys, pins and jump hosts are those of any session; an operation that waits `limits.silence` seconds for the
    server raises TimeoutError.
    """
    if host.transport == "openssh":
        raise Unreachable(
            host.name, tr("files go there with `transport: paramiko` alone; ssh(1) carries commands"), "protocol"
        )
    login = login_of(host, hosts)
    ask_for_passphrases(each.keys for each in login.way)
    limits = _limits_of([each.host for each in login.way], limits)
    load((*_SSH, "paramiko.sftp_client"))
    from paramiko import SFTPClient, SSHException  # noqa: PLC0415

    connection = _connection(login, limits)
    try:
        connection.open(Deadline(limits.connect))
        try:
            client = SFTPClient.from_transport(connection.transport, limits.window, limits.channel_packet)
            client.get_channel().settimeout(limits.silence)
        except (SSHException, EOFError, OSError) as error:
            raise Unreachable(host.name, tr("the server has no SFTP: {error}", error=error), "protocol") from None
        yield client
    finally:
        connection.close()


def recognise_command_line(
    host: Host,
    hosts: Mapping[str, Host],
    limits: Limits = Limits(),  # noqa: B008 - frozen
    cancelled: threading.Event | None = None,
) -> tuple[Cli, str]:
    """Return the command line of a device without a shell, and what it was recognised by. Raises Unreachable.

    A connection of its own is opened for that, as `connect` does, and closed.
    """
    login = login_of(host, hosts)
    ask_for_passphrases(each.keys for each in login.way)
    limits = _limits_of([each.host for each in login.way], limits)
    deadline = Deadline(limits.connect, cancelled)
    load(_DEVICE)
    from stopgap.orchestrator.remote.device.recognition import recognise  # noqa: PLC0415

    connection = _connection(login, limits)
    try:
        connection.open(deadline)
        return recognise(connection, limits, deadline)
    except TimeoutError:
        raise Unreachable(host.name, tr("no prompt within the deadline"), "timeout") from None
    except CancelledError:
        raise Unreachable(host.name, "cancelled", "cancelled") from None
    finally:
        connection.close()


def limits_of(host: Host, hosts: Mapping[str, Host], limits: Limits) -> Limits:
    """Return the limits with the timeouts set by the inventory for the host and the jump hosts on the way."""
    way = {host.name: host}
    while (jump := host.jump) is not None and jump in hosts and jump not in way:
        host = way[jump] = hosts[jump]
    return _limits_of(tuple(way.values()), limits)


def _limits_of(way: Sequence[Host], limits: Limits) -> Limits:
    """Return the limits for the way to the first of the hosts, over the others."""
    host = way[0]
    connect_in = _seconds(host.connect_timeout, limits.connect) + _seconds(host.first_word_timeout, 0.0)
    for jump in way[1:]:
        connect_in += _seconds(jump.connect_timeout, 0.0) + _seconds(jump.first_word_timeout, 0.0)
    return replace(limits, connect=connect_in, start=_seconds(host.first_word_timeout, limits.start))


def _seconds(given: timedelta | None, default: float) -> float:
    return default if given is None else given.total_seconds()


def compresses(host: Host) -> bool:
    """Return whether what a host is sent, and answers, is to be compressed.

    What a router gets to block, and what it answers before, is text of more bytes than the first flight of a TCP
    connection has (RFC 6928): compressed, it takes a round trip less. Evidence of other hosts, and what a jump host
    carries, would cost processor time; nothing about a password is to be told by a length.
    """
    return bool(host.may_block) and host.become_password is None


def _open_ssh(login: Login, limits: Limits, deadline: Deadline, jumps: Jumps | None) -> FramedSession:
    dialled = _dial(login, limits, deadline)  # the host answers while fabric and paramiko are imported
    load(spoken_to_by([login.host]))
    from stopgap.orchestrator.remote.ssh import SshSession  # noqa: PLC0415

    connection = _connection(login, limits, dialled, jumps, compressed=compresses(login.host))
    try:
        connection.open(deadline)
        return SshSession(login.host, limits, connection)
    except BaseException:
        connection.close()
        raise


def _open_device(login: Login, limits: Limits, deadline: Deadline, jumps: Jumps | None) -> Session:
    host = login.host
    load(spoken_to_by([host]))
    from stopgap.orchestrator.remote.device.dialect import DIALECTS  # noqa: PLC0415
    from stopgap.orchestrator.remote.device.session import DeviceSession  # noqa: PLC0415
    from stopgap.orchestrator.remote.device.terminal import Terminal  # noqa: PLC0415

    dialect = DIALECTS[host.cli or "ios"]
    as_named = replace(login, host=host.model_copy(update={"user": host.user + dialect.login_suffix}))

    def log_in(deadline: Deadline, jumps: Jumps | None = None) -> Terminal:
        connection = _connection(as_named, limits, jumps=jumps)
        try:
            connection.open(deadline)
            return Terminal(connection, dialect, limits, deadline)
        except BaseException:
            connection.close()
            raise

    return DeviceSession(host, limits, log_in(deadline, jumps), log_in)


def _dial(login: Login, limits: Limits, deadline: Deadline) -> socket.socket | None:
    """Start the TCP connection; return `None` for a failure, explained later at the opening of the connection."""
    if login.via is not None or not login.known_hosts or login.keys == KeyChoice():
        return None
    try:
        return connect_tcp(login.host.address, login.host.port, deadline, limits.silence)
    except (OSError, CancelledError):
        return None


def _connection(
    login: Login,
    limits: Limits,
    dialled: socket.socket | None = None,
    jumps: Jumps | None = None,
    *,
    compressed: bool = False,
) -> Connection:
    from stopgap.orchestrator.remote.ssh import Connection  # noqa: PLC0415

    gateway: Gateway | None = None
    if login.via is not None:
        make = partial(_connection, login.via, limits, jumps=jumps)
        gateway = jumps.through(login.via.host.name, make) if jumps else make()
    return Connection(login, limits, gateway, dialled, compressed=compressed)


def _become(session: FramedSession, deadline: Deadline) -> None:
    """Verify that the account becomes root, before any step depends on that."""
    made = session.make([Item("true", deadline=max(deadline.left(), 0.1))], deadline=max(deadline.left(), 0.1))
    if made.outputs[0].status == 0:
        return
    session.close()
    host = session.host
    if not made.begun and (said := made.words.last_line() or (made.trouble or "")):
        way = "sudo -n" if host.become == "sudo" and host.become_password is None else host.become
        raise Unreachable(
            host.name,
            tr("{way} is refused ({said}); {advice}", way=way, said=said, advice=advice(host, said)),
            "sudo",
        )
    raise Unreachable(
        host.name,
        tr("{become} gave no shell: {trouble}", become=host.become, trouble=made.trouble or tr("no answer")),
        "sudo",
    )
