"""A command line of a network device: netmiko's way of talking, over a connection that is pinned and bounded by ours.

netmiko would log in by itself, trusting any host key; here it is handed a shell on a login that is made already.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netmiko.ssh_dispatcher import CLASS_MAPPER
from paramiko import Channel, SSHException

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.remote.device.dialect import Dialect
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.remote.ssh import Connection
from stopgap.orchestrator.wire.deadline import Deadline

_WIDTH, _HEIGHT = 511, 1000
logging.getLogger("netmiko").addHandler(logging.NullHandler())


class Terminal:
    """One login's command line, at its prompt. Raises Unreachable where the device shows no prompt of its kind."""

    def __init__(self, connection: Connection, dialect: Dialect, limits: Limits, deadline: Deadline) -> None:
        self.connection = connection
        self._dialect = dialect
        self._shell = _Shell(connection, limits, deadline)
        kind = CLASS_MAPPER[dialect.netmiko]
        over_ours = type(kind.__name__, (kind,), {"_build_ssh_client": lambda _: self._shell})
        try:
            self._device: Any = over_ours(
                host=connection.host,
                username=connection.user,
                device_type=dialect.netmiko,
                allow_agent=False,
                use_keys=False,
                ssh_strict=True,
                system_host_keys=False,
            )
        except TimeoutError:
            connection.close()
            raise Unreachable(connection.host, "no prompt within the deadline", "timeout") from None
        except Exception as error:  # netmiko raises what it likes where a prompt is not as it expects
            connection.close()
            reason = f"no command line of this kind answers there: {_first_line(error)}"
            raise Unreachable(connection.host, reason, "shell") from None
        start = re.escape(self._device.base_prompt[:16])
        self._prompt = rf"^(?:\[edit[^\n]*\]\s*)?{start}[^\r\n]*[#>$]\s*\Z"
        self._stops = "|".join([self._prompt, *(f"(?:{asked.pattern})" for asked, _ in dialect.questions)])

    @property
    def local_address(self) -> str:
        """Give this end's address; empty behind a jump host."""
        if self.connection.gateway is not None:
            return ""
        return str(self.connection.transport.sock.getsockname()[0])

    def say(self, line: str, deadline: Deadline) -> str:
        """Say one line and give the answer, without the line and the prompt that follows.

        Raises OSError where there is no whole answer in time.
        """
        with self._listening(deadline):
            self._shell.quota()
            self._device.write_channel(line + self._device.RETURN)
            self._device.read_until_pattern(pattern=re.escape(line), read_timeout=0)
            answer = self._answer()
            while reply := self._reply(answer):
                self._device.write_channel(reply + self._device.RETURN)
                answer += "\n" + self._answer()
        text = str(self._device.strip_ansi_escape_codes(answer)) if self._device.ansi_escape_codes else answer
        return re.sub(self._prompt, "", text.replace("\r", ""), flags=re.M).strip("\n")

    def close(self) -> None:
        """End the login."""
        self.connection.close()

    def _answer(self) -> str:
        return str(self._device.read_until_pattern(pattern=self._stops, read_timeout=0, re_flags=re.M | re.I))

    def _reply(self, answer: str) -> str | None:
        """Give what to say to a question; None at a prompt."""
        if re.search(self._prompt, answer, re.M):
            return None
        return next((reply for asked, reply in self._dialect.questions if asked.search(answer)), None)

    @contextmanager
    def _listening(self, deadline: Deadline) -> Iterator[None]:
        self._shell.deadline = deadline
        try:
            yield
        except TimeoutError:
            raise OSError("no prompt in time") from None
        except OSError:
            raise
        except Exception as error:  # as above
            raise OSError(_first_line(error)) from None


class _Shell:
    """What netmiko takes for paramiko's client, and for the channel that it gives: one shell, counted and timed."""

    def __init__(self, connection: Connection, limits: Limits, deadline: Deadline) -> None:
        self.deadline = deadline
        self._connection = connection
        self._limits = limits
        self._left = 0
        self._channel: Channel | None = None
        self.quota()

    def quota(self) -> None:
        """Let the device say as much again as it may say to one line."""
        self._left = self._limits.excess

    @property
    def transport(self) -> Any:  # noqa: ANN401
        """Give the transport below."""
        return self._connection.transport

    def connect(self, **_options: object) -> None:
        """Do nothing: the login is made."""

    def invoke_shell(self, **_options: object) -> _Shell:
        """Open the shell, wide enough that no line is folded."""
        channel = self.transport.open_session(timeout=self._limits.start)
        channel.settimeout(self._limits.silence)
        channel.get_pty("vt100", _WIDTH, _HEIGHT)
        channel.invoke_shell()
        self._channel = channel
        return self

    def settimeout(self, _seconds: float) -> None:
        """Do nothing: the deadline governs."""

    def sendall(self, data: bytes) -> None:
        """Send."""
        try:
            self._open_channel().sendall(data)
        except (SSHException, EOFError) as error:
            raise OSError(str(error) or "the connection is closed") from None

    def recv_ready(self) -> bool:
        """Tell whether there is something to read; raises TimeoutError, CancelledError, OSError at the end."""
        channel = self._open_channel()
        if channel.recv_ready():
            return True
        if channel.closed or channel.eof_received:
            raise OSError("the device hung up")
        self.deadline.check()
        return False

    def recv(self, size: int) -> bytes:
        """Read, up to the quota."""
        data = bytes(self._open_channel().recv(size))
        self._left -= len(data)
        if self._left < 0:
            raise OSError("the device does not stop talking")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise OSError("there is no shell yet")
        return self._channel


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return escape(lines[0])[:200] if lines else type(error).__name__
