"""An SSH server that goes through with the protocol up to a point, and keeps a record of all it was given."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import Limits

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
QUIET = "stopgap.orchestrator.remote.paramiko"
"""The log channel of the servers' transports: switched off, like the client's own."""
logging.getLogger(QUIET).disabled = True
_SCRIPT_END = b"exit 0\n}\n"


@dataclass
class Shell:
    """What an exec leads to: the channel, and what came over it."""

    channel: paramiko.Channel
    transport: paramiko.Transport
    command: str
    heard: bytearray = field(default_factory=bytearray)
    nonce: bytes = b""

    @property
    def framed(self) -> bool:
        """Stopgap is there, which sends a script over standard input."""
        return self.command.endswith("/bin/sh -s")

    def listen(self) -> None:
        """Keep all that comes over standard input."""
        with contextlib.suppress(OSError, EOFError):
            while portion := self.channel.recv(65536):
                self.heard += portion

    def read_script(self) -> bytes:
        """Wait for the whole script, if one is coming, and take the nonce out of it."""
        end = time.monotonic() + 600
        while self.framed and not self.heard.endswith(_SCRIPT_END):
            if self.channel.closed or time.monotonic() > end:
                raise EOFError
            time.sleep(0.005)
        script = bytes(self.heard)
        if self.framed:
            self.nonce = script.split(b"_sg_n=", 1)[1].split(b"\n", 1)[0]
        return script

    def say(self, text: bytes) -> None:
        """Send on standard output; <N> stands for the nonce."""
        self.channel.sendall(text.replace(b"<N>", self.nonce))

    def both(self, text: bytes) -> None:
        """Send the same on both streams."""
        self.say(text)
        self.channel.sendall_stderr(text.replace(b"<N>", self.nonce))

    def send(self, *parts: int | bytes | str | bool) -> None:
        """Send a message as it is, past all flow control; the first part is its type, one byte."""
        message = paramiko.Message()
        for part in parts:
            if isinstance(part, bool):
                message.add_boolean(part)
            elif isinstance(part, int):
                message.add_int(part)
            elif part is parts[0]:
                message.add_bytes(part)  # type: ignore[arg-type]
            else:
                message.add_string(part)
        self.transport._send_message(message)


Behaviour = Callable[[Shell], None]


class ServerTransport(paramiko.Transport):  # type: ignore[misc]
    """Ends without a word, also where the tunnel that it is served through has ended first."""

    def run(self) -> None:
        with contextlib.suppress(EOFError):
            super().run()


class MuteTransport(ServerTransport):
    """Exchanges keys, and answers nothing after that."""

    _mute = False

    def _parse_newkeys(self, message: paramiko.Message) -> None:
        super()._parse_newkeys(message)
        self._mute = True

    def _send_message(self, data: object) -> None:
        if not self._mute:
            super()._send_message(data)


@dataclass
class EvilSsh(paramiko.ServerInterface):
    """The server of one connection."""

    key: paramiko.PKey
    behave: Behaviour | None = None
    auth: int = paramiko.AUTH_SUCCESSFUL
    methods: str = "publickey"
    banner: tuple[str, str] | None = None
    stop_at: str = ""
    """`service`, `auth`, `channel` or `exec`: there it falls silent."""
    refuse: str = ""
    """`channel` or `exec`: that it refuses."""
    files: type[paramiko.SFTPServerInterface] | None = None
    """What it serves over SFTP."""
    kind: type[ServerTransport] = ServerTransport
    given: list[str] = field(default_factory=list)
    shells: list[Shell] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    transport: paramiko.Transport | None = None

    def serve(self, connection: socket.socket) -> None:
        """Serve until all is over."""
        self.transport = (MuteTransport if self.stop_at == "service" else self.kind)(connection)
        self.transport.set_log_channel(QUIET)
        self.transport.add_server_key(self.key)
        if self.files is not None:
            self.transport.set_subsystem_handler("sftp", paramiko.SFTPServer, self.files)
        with contextlib.suppress(Exception):
            self.transport.start_server(server=self)
            self.over.wait()
        self.transport.close()

    def _reach(self, point: str) -> None:
        if self.stop_at == point:
            self.over.wait()

    def get_banner(self) -> tuple[str | None, str | None]:
        """Say this before authentication."""
        return self.banner or (None, None)

    def get_allowed_auths(self, username: str) -> str:
        """Offer these ways to log in."""
        return self.methods

    def check_auth_none(self, username: str) -> int:
        """Note it, and refuse."""
        self.given.append("none")
        return int(paramiko.AUTH_FAILED)

    def check_auth_password(self, username: str, password: str) -> int:
        """Note the password, and refuse."""
        self.given.append(f"password {password}")
        return int(paramiko.AUTH_FAILED)

    def check_auth_interactive(self, username: str, submethods: str) -> int | paramiko.InteractiveQuery:
        """Ask for what a phishing server would ask for."""
        self.given.append("interactive")
        query = paramiko.InteractiveQuery("Verify", "Type it again")
        query.add_prompt("Password: ", False)
        return query

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        """Note what was typed, and refuse."""
        self.given.append(f"typed {responses}")
        return int(paramiko.AUTH_FAILED)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Note the login."""
        self._reach("auth")
        self.given.append(f"key {username}")
        return self.auth

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Open any channel."""
        self._reach("channel")
        if self.refuse == "channel":
            return int(paramiko.OPEN_FAILED_CONNECT_FAILED)
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_direct_tcpip_request(self, chanid: int, origin: object, destination: object) -> int:
        """Be a jump host."""
        return self.check_channel_request("direct-tcpip", chanid)

    def check_channel_forward_agent_request(self, channel: paramiko.Channel) -> bool:
        """Take an agent gladly."""
        self.given.append("agent")
        return True

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        """Note the variable."""
        self.given.append(f"env {name!r}")
        return True

    def check_channel_pty_request(self, channel: paramiko.Channel, *_rest: object) -> bool:
        """Note the terminal."""
        self.given.append("pty")
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Begin to misbehave."""
        self._reach("exec")
        self.given.append(f"exec {command.decode(errors='replace')}")
        if self.refuse == "exec":
            return False
        if self.behave is not None:
            shell = Shell(channel, self.transport, command.decode(errors="replace"))
            self.shells.append(shell)
            for act in (shell.listen, lambda: self._run(shell)):
                threading.Thread(target=act, daemon=True).start()
        return True

    def _run(self, shell: Shell) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            assert self.behave is not None
            time.sleep(0.05)  # until the answer to the request itself is out
            self.behave(shell)


@dataclass
class Field:
    """Where evil servers listen, and the inventory's entry that leads to one."""

    folder: Path
    identity: Path
    key: paramiko.PKey
    limits: Limits = field(default_factory=lambda: Limits(connect=0.8, start=0.4, grace=0.2, killing=0.2))
    over: threading.Event = field(default_factory=threading.Event)
    listeners: list[socket.socket] = field(default_factory=list)
    servers: list[EvilSsh] = field(default_factory=list)

    def pin(self, port: int, key: paramiko.PKey | None = None) -> Path:
        """Write the key that is expected at a port, and give the file."""
        key = key or self.key
        path = self.folder / "known_hosts"
        with path.open("a") as file:
            file.write(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        return path

    def host(self, port: int, **changes: object) -> Host:
        """Describe the host that listens there."""
        described = {
            "name": "web",
            "address": "127.0.0.1",
            "port": port,
            "identity": self.identity,
            "known_hosts": self.folder / "known_hosts",
        }
        return Host.model_validate({**described, **changes})

    def raw(self, behave: Callable[[socket.socket], None], **changes: object) -> Host:
        """Listen, and let each connection be treated so."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, behave), daemon=True).start()
        port = listener.getsockname()[1]
        self.pin(port)
        return self.host(port, **changes)

    def ssh(
        self, behave: Behaviour | None = None, *, changes: dict[str, object] | None = None, **options: object
    ) -> Host:
        """Listen with a server that speaks SSH and then does this with each exec."""

        def serve(connection: socket.socket) -> None:
            server = EvilSsh(**{"key": self.key, "behave": behave, "over": self.over, **options})  # type: ignore[arg-type]
            self.servers.append(server)
            server.serve(connection)

        return self.raw(serve, **(changes or {}))

    @property
    def given(self) -> list[str]:
        """What the servers were given."""
        return [what for server in self.servers for what in server.given]

    @property
    def heard(self) -> bytes:
        """All that came over the standard input of commands."""
        return b"".join(bytes(shell.heard) for server in self.servers for shell in server.shells)

    @staticmethod
    def _accept(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
        def treat(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                behave(connection)

        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=treat, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """End all servers."""
        self.over.set()
        for listener in self.listeners:
            listener.close()
        for server in self.servers:
            if server.transport is not None:
                server.transport.close()
