"""The SSH server of an emulated device: one key may log in, every login gets a command line of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import paramiko

from .device import Device

Spoil = Callable[[str, str], tuple[str, str]]
"""From a line and its answer: what is sent in place of the answer, and what only before the next line is answered."""


class _Door(paramiko.ServerInterface):
    def __init__(self, server: Server) -> None:
        self._server = server
        self.shell = threading.Event()
        self.channel: paramiko.Channel | None = None

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_none(self, username: str) -> int:
        self._server.attempts.append(username)
        return paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.attempts.append(username)
        known = self._server.locked_out is False and key.asbytes() == self._server.authorized
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_pty_request(self, *_: Any) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        self.channel = channel
        self.shell.set()
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._server.refuse_command, args=(channel,), daemon=True).start()
        return True


class Server:
    """Listens on loopback until it is closed. `attempts` holds the names that somebody tried to log in with."""

    def __init__(self, device: Device, host_key: paramiko.PKey, authorized: bytes) -> None:
        self.device = device
        self.authorized = authorized
        self.attempts: list[str] = []
        self.locked_out = False
        """True: nobody can log in any more; who is in stays in."""
        self.lock_out_on: str | None = None
        """A line after which it becomes so."""
        self.spoil: Spoil | None = None
        self.hang_up_on: str | None = None
        """A line that is done, and not answered: the connection ends."""
        self._host_key = host_key
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.hang_up_before: str | None = None
        """A line that the second login is cut off at, and that is not done."""
        self.conversations = 0
        """Command lines that were begun."""
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # already closed
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listening.close()
        for transport in self._transports:
            transport.close()
        self.device.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(self._host_key)
        self._transports.append(transport)
        door = _Door(self)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=door)
            while transport.is_active() and not door.shell.wait(0.05):
                pass
            if door.channel is not None:
                self._converse(door.channel)
        transport.close()

    def refuse_command(self, channel: paramiko.Channel) -> None:
        """Answer a command as a device without a shell does."""
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            channel.sendall(self.device.login().answer("exec /bin/sh").encode())
            channel.send_exit_status(1)
            channel.close()

    def _converse(self, channel: paramiko.Channel) -> None:
        shell = self.device.login()
        self.conversations += 1
        channel.sendall((shell.banner + shell.prompt).encode())
        line = bytearray()
        late = ""
        while data := channel.recv(4096):
            for byte in data:
                if byte not in b"\r\n":
                    line.append(byte)
                    continue
                if byte == 0x0A and not line and self.device.crlf:
                    continue
                text = line.decode("utf-8", "replace").strip()
                line.clear()
                if late:
                    rest = "\n" + late.rstrip("\n") + "\n"
                    channel.sendall((rest + shell.prompt).replace("\n", "\r\n").encode())
                    late = ""
                channel.sendall(text.encode() + b"\r\n")
                if self.hang_up_before and self.conversations == 2 and text.startswith(self.hang_up_before):
                    return
                self.device.said.append(text)
                answer = shell.answer(text) if text else ""
                if self.lock_out_on and text.startswith(self.lock_out_on):
                    self.locked_out = True
                if shell.over or (self.hang_up_on and text.startswith(self.hang_up_on)):
                    return
                if self.spoil and text:
                    answer, late = self.spoil(text, answer)
                body = (answer.rstrip("\n") + "\n") if answer else ""
                channel.sendall((body + shell.prompt).replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
