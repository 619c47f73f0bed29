"""Servers that go wrong when a command is to run, or while it runs."""

from __future__ import annotations

import time

import paramiko

from stopgap.orchestrator.host import Host

from ..scenario import scenario
from ..server import Behaviour, Field, Shell

FIRST = b"<N> B 0 10 20\n"
_SILENT = "unknown, unknown: the host took the script and stayed silent"
_FELL = "unknown, unknown: the host fell silent"
_ENDED = "unknown, unknown: the connection or the host's shell ended in the middle"


def begun(then: Behaviour) -> Behaviour:
    """Take the script, begin the first item, and go on so."""

    def behave(shell: Shell) -> None:
        shell.read_script()
        if shell.framed:
            shell.both(FIRST)
        then(shell)

    return behave


def saying(*portions: bytes) -> Behaviour:
    """Take the script, say these on both streams, and fall silent."""

    def behave(shell: Shell) -> None:
        shell.read_script()
        for portion in portions:
            shell.both(portion)

    return behave


@scenario("silent when a channel is opened", "exec", "unknown, unknown: no channel could be opened")
def _silent_channel(field: Field) -> Host:
    return field.ssh(stop_at="channel")


@scenario("refuses every channel", "exec", "unknown, unknown: no channel could be opened")
def _refused_channel(field: Field) -> Host:
    return field.ssh(refuse="channel")


@scenario("silent at the exec", "exec", "unknown, unknown: ")
def _silent_exec(field: Field) -> Host:
    return field.ssh(stop_at="exec")


@scenario("refuses the exec", "exec", "unknown, unknown: no POSIX shell answered")
def _refused_exec(field: Field) -> Host:
    return field.ssh(refuse="exec")


@scenario("silent after the exec", "exec", _SILENT)
def _silent_after_exec(field: Field) -> Host:
    return field.ssh(saying())


@scenario("silent before the exit status", "exec", _FELL)
def _silent_before_status(field: Field) -> Host:
    return field.ssh(saying(FIRST + b"done\n"))


@scenario("output that ends without status", "exec", _ENDED)
def _no_status(field: Field) -> Host:
    def then(shell: Shell) -> None:
        shell.say(b"done\n")
        shell.channel.close()

    return field.ssh(begun(then))


@scenario("exit status 0 and not a word", "exec", "unknown, unknown: no POSIX shell answered")
def _bare_success(field: Field) -> Host:
    def behave(shell: Shell) -> None:
        shell.channel.send_exit_status(0)
        shell.channel.close()

    return field.ssh(behave)


@scenario("exit signal instead of a status", "exec", _ENDED)
def _signal(field: Field) -> Host:
    def then(shell: Shell) -> None:
        shell.send(b"\x62", shell.channel.remote_chanid, "exit-signal", False, "KILL", False, "\x1b[31m", "")
        shell.channel.close()

    return field.ssh(begun(then))


@scenario("cuts the link in the middle", "exec", "unknown, unknown: ")
def _cut(field: Field) -> Host:
    def then(shell: Shell) -> None:
        shell.transport.sock.close()

    return field.ssh(begun(then))


@scenario("disconnects with terminal escapes for a reason", "exec", "unknown, unknown: ")
def _disconnect(field: Field) -> Host:
    return field.ssh(begun(lambda shell: shell.send(b"\x01", 2, "\x1b]52;c;AAAA\x07\u202e", "en")))


@scenario("a message type that does not exist", "exec", "unknown, unknown: ")
def _unknown_type(field: Field) -> Host:
    return field.ssh(begun(lambda shell: shell.send(b"\xff", "x")))


@scenario("a byte a second without end", "exec", _FELL)
def _drip(field: Field) -> Host:
    def then(shell: Shell) -> None:
        while True:
            shell.say(b".")
            time.sleep(1)

    return field.ssh(begun(then))


@scenario("prompts for a sudo password", "exec", r"unreachable \(sudo\)", "sudo")
def _sudo_prompt(field: Field) -> Host:
    def behave(shell: Shell) -> None:
        # Both what sudo -n leaves to say, and the prompt that fabric asks sudo for.
        shell.channel.sendall_stderr(b"[sudo] password for root: ")
        shell.channel.sendall(b"[sudo] password: ")

    return field.ssh(behave, changes={"become": "sudo"})


@scenario(
    "refuses sudo, with terminal escapes", "exec", r"unreachable \(sudo\).*a password \\x1b\[31mis required", "sudo"
)
def _sudo_refused(field: Field) -> Host:
    def behave(shell: Shell) -> None:
        shell.channel.sendall_stderr(b"sudo: a password \x1b[31mis required\r\n")
        shell.channel.send_exit_status(1)
        shell.channel.close()

    return field.ssh(behave, changes={"become": "sudo"})


@scenario("a prompt for a password in the output", "exec", _FELL)
def _prompt(field: Field) -> Host:
    return field.ssh(begun(lambda shell: shell.say(b"Password: ")))


@scenario("a file that claims to have 256 GiB", "exec", _FELL, "get")
def _lying_size(field: Field) -> Host:
    return field.ssh(begun(lambda shell: shell.say(b"81a4 0 0 274877906944 0\n")), files=LyingFiles)


class LyingFiles(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """Every file is setuid and has 256 GiB, none of which ever comes."""

    def stat(self, path: str) -> paramiko.SFTPAttributes:
        """Lie."""
        attributes = paramiko.SFTPAttributes()
        attributes.st_size, attributes.st_mode = 256 << 30, 0o104777
        return attributes

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle:
        """Open anything."""
        return _Endless(flags)


class _Endless(paramiko.SFTPHandle):  # type: ignore[misc]
    def stat(self) -> paramiko.SFTPAttributes:
        return LyingFiles.stat(self, "")

    def read(self, offset: int, length: int) -> bytes:
        return bytes(length)
