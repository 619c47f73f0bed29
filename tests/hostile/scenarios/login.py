"""Servers that go wrong while somebody logs in, and jump hosts that lead astray."""

from __future__ import annotations

import contextlib
import threading

import paramiko

from stopgap.orchestrator.host import Host

from ..scenario import Hosts, scenario
from ..server import EvilSsh, Field, Shell

_TIMEOUT = r"unreachable \(timeout\): no answer within"
_AUTH = r"unreachable \(auth\): "
_SECOND_FACTOR = {"auth": paramiko.AUTH_PARTIALLY_SUCCESSFUL, "methods": "keyboard-interactive"}


@scenario("silent after the key exchange", "log in", _TIMEOUT)
def _silent_service(field: Field) -> Host:
    return field.ssh(stop_at="service")


@scenario("silent during authentication", "log in", _TIMEOUT)
def _silent_auth(field: Field) -> Host:
    return field.ssh(stop_at="auth")


@scenario("refuses the key, asks for a password", "log in", _AUTH + ".*asks root for password")
def _password(field: Field) -> Host:
    return field.ssh(auth=paramiko.AUTH_FAILED, methods="password,keyboard-interactive")


@scenario("takes the key, asks for a second factor", "log in", _AUTH + ".*keyboard-interactive")
def _second_factor(field: Field) -> Host:
    return field.ssh(**_SECOND_FACTOR)


@scenario("terminal escapes in the names of ways to log in", "log in", _AUTH + r".*\\x1b")
def _escaped_methods(field: Field) -> Host:
    return field.ssh(auth=paramiko.AUTH_FAILED, methods="\x1b]52;c;AAAA\x07,\u202epassword")


@scenario("terminal escapes and template text before the login", "log in", _AUTH)
def _banner(field: Field) -> Host:
    return field.ssh(auth=paramiko.AUTH_FAILED, banner=("\x1b[2J\u202e{{ 7*7 }}\0" * 1000, "en"))


class _BannerFlood(EvilSsh):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        shell = Shell(None, self.transport, "")  # type: ignore[arg-type]
        while self.transport is not None and self.transport.is_active():
            shell.send(b"\x35", "x" * 30000, "en")
        return super().check_auth_publickey(username, key)


@scenario("banners without end before the login", "log in", f"{_AUTH}|{_TIMEOUT}")
def _banner_flood(field: Field) -> Host:
    def serve(connection: object) -> None:
        server = _BannerFlood(field.key, over=field.over)
        field.servers.append(server)
        server.serve(connection)  # type: ignore[arg-type]

    return field.raw(serve)


def _by_jump(field: Field, **options: object) -> Hosts:
    jump = field.ssh(changes={"name": "jump"}, **options)
    return {"web": field.ssh(changes={"jump": "jump"}), "jump": jump}


@scenario("jump host silent when asked on", "jump", _TIMEOUT)
def _jump_silent(field: Field) -> Hosts:
    return _by_jump(field, stop_at="channel")


@scenario("jump host lets through, and nothing comes", "jump", _TIMEOUT)
def _jump_nowhere(field: Field) -> Hosts:
    return _by_jump(field)


@scenario("jump host refuses to lead on", "jump", r"unreachable \(network\): its jump host does not let through")
def _jump_refuses(field: Field) -> Hosts:
    return _by_jump(field, refuse="channel")


@scenario("jump host with another key", "jump", r"unreachable \(host-key\): HOST KEY CHANGED")
def _jump_rotated(field: Field) -> Hosts:
    return _by_jump(field, key=paramiko.ECDSAKey.generate())


class _Leading(EvilSsh):
    """A jump host that talks into the tunnel itself."""

    portion = b""

    def check_channel_direct_tcpip_request(self, chanid: int, origin: object, destination: object) -> int:
        threading.Thread(target=self._talk, args=(chanid,), daemon=True).start()
        return int(paramiko.OPEN_SUCCEEDED)

    def _talk(self, chanid: int) -> None:
        channel = None
        while channel is None and not self.over.wait(0.01):
            channel = self.transport._channels.get(chanid) if self.transport else None
        with contextlib.suppress(OSError, EOFError):
            self.talk(channel)

    def talk(self, channel: paramiko.Channel) -> None:
        """Say what it has to say."""
        while not self.over.is_set():
            channel.sendall(self.portion)


class _Flooding(_Leading):
    portion = b"x" * 32000


class _Impersonating(_Leading):
    """It answers for the target with a key of its own."""

    def talk(self, channel: paramiko.Channel) -> None:
        self.inner = EvilSsh(paramiko.ECDSAKey.generate(), over=self.over, given=self.given)
        self.inner.serve(channel)  # type: ignore[arg-type]


def _led_by(field: Field, kind: type[EvilSsh]) -> Hosts:
    def serve(connection: object) -> None:
        server = kind(field.key, over=field.over)
        field.servers.append(server)
        server.serve(connection)  # type: ignore[arg-type]

    return {"web": field.ssh(changes={"jump": "jump"}), "jump": field.raw(serve, name="jump")}


@scenario("jump host floods the tunnel", "jump", r"unreachable \((protocol|timeout)\)")
def _jump_floods(field: Field) -> Hosts:
    return _led_by(field, _Flooding)


@scenario("jump host answers for the target itself", "jump", r"unreachable \(host-key\): HOST KEY CHANGED")
def _jump_impersonates(field: Field) -> Hosts:
    return _led_by(field, _Impersonating)
