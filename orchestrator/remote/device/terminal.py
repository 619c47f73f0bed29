"""The command line of a network device: netmiko's protocol over our pinned and bounded connection.

By itself netmiko would log in with any host key; here netmiko gets a shell on an existing login, and turns off paging
and colours. All later output is parsed by `reading`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from netmiko.ssh_dispatcher import CLASS_MAPPER
from paramiko import Channel, SSHException

from stopgap.orchestrator.remote.device.dialect import Dialect
from stopgap.orchestrator.remote.device.reading import Prompt, answered, repeated, told, told_late
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.remote.ssh import Connection
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline

_PORTION = 64 << 10
_WIDTH, _HEIGHT = 511, 1000
_STARTS = 16
"""Characters at the start of a prompt, equal in every mode."""
_QUESTIONS = 4
"""Most questions of a device about one line."""
logging.getLogger("netmiko").addHandler(logging.NullHandler())


class Terminal:
    """The command line of one login, at the prompt. Raises Unreachable for a device without a prompt of its kind."""

    def __init__(self, connection: Connection, dialect: Dialect, limits: Limits, deadline: Deadline) -> None:
        self.connection = connection
        self._dialect = dialect
        self._shell = DeviceShell(connection, limits, deadline)
        kind = CLASS_MAPPER[dialect.netmiko]
        over_ours = type(kind.__name__, (kind,), {"_build_ssh_client": lambda _: self._shell})
        try:
            device: Any = over_ours(
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
            raise Unreachable(connection.host, tr("no prompt within the deadline"), "timeout") from None
        except Exception as error:  # netmiko raises many types for an unexpected prompt
            connection.close()
            reason = tr("no command line of this kind answers there: {error}", error=_first_line(error))
            raise Unreachable(connection.host, reason, "shell") from None
        self._return = str(device.RETURN)
        self._prompt = Prompt(str(device.base_prompt)[:_STARTS])

    @property
    def local_address(self) -> str:
        """Return the address of the controller's end; empty behind a jump host."""
        if self.connection.gateway is not None:
            return ""
        return str(self.connection.transport.sock.getsockname()[0])

    def say(self, line: str, deadline: Deadline) -> str:
        """Send one altering line, answer the device's questions, return the output.

        Late output of the previous line, after text similar to the prompt, comes first. Raises OSError without a
        complete answer in time.
        """
        with self._listening(deadline):
            late, answer = self._exchange(line, asked=True)
        return f"{late}\n{answer}".strip("\n")

    def show(self, commands: Sequence[str], deadline: Deadline) -> list[str]:
        """Send read-only commands and return the complete answer of each. Raises OSError as `say` does.

        An answer may contain a line equal to the prompt, a false end. The last answer counts as complete once an
        empty line is answered by the prompt alone; earlier output belongs to the previous command.
        """
        answers: list[str] = []
        with self._listening(deadline):
            for command in commands:
                late, answer = self._exchange(command, asked=False)
                if answers and late:
                    answers[-1] += f"\n{late}"
                answers.append(answer)
            while answers and (late := self._exchange("", asked=False)[1]):
                answers[-1] += f"\n{late}"
        return answers

    def close(self) -> None:
        """Close the login."""
        self.connection.close()

    def _exchange(self, line: str, *, asked: bool) -> tuple[str, str]:
        """Send a line; return the text before the echo, and the text from the echo to the prompt.

        With `asked`, the device's questions are answered as the dialect says.
        """
        shell, prompt = self._shell, self._prompt
        shell.quota()
        shell.sendall(f"{line}{self._return}".encode())
        before, came = repeated(line, shell.hear) if line else (b"", b"")
        said: list[str] = []
        for _ in range(_QUESTIONS + 1):
            came, last = answered(came, shell.hear, lambda last: prompt.is_in(last) or (asked and self._asks(last)))
            said.append(told(came, prompt))
            if prompt.is_in(last):
                return told_late(before, prompt), "\n".join(said)
            shell.sendall(f"{self._reply(last)}{self._return}".encode())
            came = b""
        raise OSError(tr("the device asks without end"))

    def _asks(self, last: str) -> bool:
        return any(asked.search(last) for asked, _ in self._dialect.questions)

    def _reply(self, last: str) -> str:
        return next(reply for asked, reply in self._dialect.questions if asked.search(last))

    @contextmanager
    def _listening(self, deadline: Deadline) -> Iterator[None]:
        self._shell.deadline = deadline
        try:
            yield
        except TimeoutError:
            raise OSError(tr("no prompt in time")) from None
        except OSError:
            raise
        except Exception as error:  # as above
            raise OSError(_first_line(error)) from None


class DeviceShell:
    """A substitute for paramiko's client and channel, for netmiko: one shell, with a byte quota and a deadline."""

    def __init__(self, connection: Connection, limits: Limits, deadline: Deadline) -> None:
        self.deadline = deadline
        self._connection = connection
        self._limits = limits
        self._left = 0
        self._channel: Channel | None = None
        self.quota()

    def quota(self) -> None:
        """Renew the quota of output for one line."""
        self._left = self._limits.excess

    @property
    def transport(self) -> Any:  # noqa: ANN401
        """Return the transport of the connection."""
        return self._connection.transport

    def connect(self, **_options: object) -> None:
        """Do nothing: the login exists."""

    def invoke_shell(self, **_options: object) -> DeviceShell:
        """Open the shell, wide enough to keep every line unfolded."""
        channel = self.transport.open_session(timeout=self._limits.start)
        channel.settimeout(self._limits.silence)
        channel.get_pty("vt100", _WIDTH, _HEIGHT)
        channel.invoke_shell()
        self._channel = channel
        return self

    def settimeout(self, _seconds: float) -> None:
        """Do nothing: the deadline governs."""

    def sendall(self, data: bytes) -> None:
        """Send the bytes."""
        try:
            self._open_channel().sendall(data)
        except (SSHException, EOFError) as error:
            raise OSError(str(error) or tr("the connection is closed")) from None

    def hear(self) -> bytes:
        """Wait for the next bytes and return the bytes; raises TimeoutError, CancelledError, OSError at the end."""
        channel = self._open_channel()
        while True:
            channel.settimeout(self.deadline.slice())
            try:
                data = self.recv(_PORTION)
            except TimeoutError:
                continue
            finally:
                channel.settimeout(self._limits.silence)
            if not data:
                raise OSError(tr("the device hung up"))
            return data

    def recv_ready(self) -> bool:
        """Return True if bytes are ready; raises TimeoutError, CancelledError, OSError at the end."""
        channel = self._open_channel()
        if channel.recv_ready():
            return True
        if channel.closed or channel.eof_received:
            raise OSError(tr("the device hung up"))
        self.deadline.check()
        return False

    def recv(self, size: int) -> bytes:
        """Read bytes, up to the quota."""
        data = bytes(self._open_channel().recv(size))
        self._left -= len(data)
        if self._left < 0:
            raise OSError(tr("the device does not stop talking"))
        return data

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise OSError(tr("there is no shell yet"))
        return self._channel


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
