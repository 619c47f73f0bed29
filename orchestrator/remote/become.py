"""How an account becomes root on a host: sudo(8), doas(1) or su(1), without a terminal.

A password is sent to routers and spares alone, over the standard input of sudo or su, after the prompt; the prompt of
sudo is a random word of the exchange. No argument list, file or environment variable shows the password.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote.line import Line, LineBrokenError
from stopgap.orchestrator.secret import Secret, SecretError
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.host import Host

_NOISE = 64 << 10
"""Most bytes before root's shell speaks."""
_PROMPT = re.compile(rb":[ \t]*$")


def as_root(host: Host, shell: Sequence[str]) -> tuple[str, ...]:
    """Return the words that start the shell as root, without a password; the shell's own words without `become`."""
    match host.become:
        case None:
            return tuple(shell)
        case "sudo":
            return ("sudo", "-n", "--", *shell)
        case "doas":
            return ("doas", "-n", "--", *shell)
        case "su":
            return ("su", "-s", "/bin/sh", "root", "-c", f"exec {join(shell)}")


class Password:
    """The password of one exchange, sent once, to the program that asks for it."""

    def __init__(self, host: Host, secret: Secret) -> None:
        """Prepare an exchange with a router or a spare."""
        self._host = host
        self._secret = secret
        self._prompt = "prompt-" + secrets.token_hex(16)
        self._up = "up-" + secrets.token_hex(16)

    def words(self, shell: Sequence[str]) -> tuple[str, ...]:
        """Return the words that start the shell as root; before the shell, both streams carry a random word."""
        begin = f"echo {self._up}; echo {self._up} >&2; exec {join(shell)}"
        if self._host.become == "su":
            return ("su", "-s", "/bin/sh", "root", "-c", begin)
        return ("sudo", "-k", "-S", "-p", self._prompt, "--", "/bin/sh", "-c", begin)

    def become(self, line: Line, seconds: float) -> None:
        """Answer the prompt, and wait for root's shell; raises LineBrokenError."""
        end = time.monotonic() + seconds
        stdout, stderr, sent = b"", b"", False
        up = self._up.encode()
        while not (up in stdout and up in stderr):
            if (left := end - time.monotonic()) <= 0:
                raise LineBrokenError(
                    tr(
                        "{become} gave no shell within {seconds} s{stderr}",
                        become=self._host.become,
                        seconds=f"{seconds:g}",
                        stderr=_said(stderr),
                    )
                )
            out, err = line.receive(left, sending=False)
            stdout, stderr = stdout + out, stderr + err
            if len(stdout) + len(stderr) > _NOISE:
                raise LineBrokenError(tr("too much text before root's shell"))
            if not sent and self._asks(stderr):
                self._send(line, end)
                stderr, sent = b"", True
            elif sent and self._asks(stderr):
                raise LineBrokenError(
                    tr(
                        "{become} does not take {secret} for the password",
                        become=self._host.become,
                        secret=self._secret,
                    )
                )
            if not out and not err and line.at_end():
                raise LineBrokenError(
                    tr("{become} gave no shell{stderr}", become=self._host.become, stderr=_said(stderr))
                )

    def _asks(self, stderr: bytes) -> bool:
        if self._host.become == "su":
            return bool(_PROMPT.search(stderr)) and self._up.encode() not in stderr
        return self._prompt.encode() in stderr

    def _send(self, line: Line, end: float) -> None:
        try:
            rest = memoryview(self._secret.reveal().encode() + b"\n")
        except SecretError as error:
            raise LineBrokenError(str(error)) from None
        while rest:
            if time.monotonic() > end:
                raise LineBrokenError(tr("the password could not be sent"))
            rest = rest[line.send(rest) :]


def _said(stderr: bytes) -> str:
    words = HostText(stderr).last_line()
    return f" ({words})" if words else ""


def advice(host: Host, said: str) -> str:
    """Return what lets the account become root, for the words of a refusal."""
    who = tr("this account") if host.connection == "local" else host.user
    if "tty" in said:
        return tr(
            "sudo wants a terminal, which no exchange has; take requiretty from it: Defaults:{who} !requiretty",
            who=who,
        )
    instead = tr("name its `become_password`, where it is a router or a spare, ")
    match host.become:
        case "doas":
            return tr("let it: permit nopass {who} as root (doas.conf(5)); doas asks on a terminal alone", who=who)
        case "su":
            return tr(
                "{instead}or take sudo: let {who} run /bin/sh with NOPASSWD (sudoers(5))", instead=instead, who=who
            )
        case _:
            return tr(
                "let {who} run /bin/sh with NOPASSWD (sudoers(5)), {instead}or connect as root",
                who=who,
                instead=instead,
            )
