"""Servers that a client should not meet, and what must hold whatever they do."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest

from orchestrator.host import Host
from orchestrator.remote import Limits
from orchestrator.remote.transport import HardenedTransport

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
SECONDS_OVER = 2.0
MEMORY_OVER = 100 << 20


@dataclass
class Shell:
    """What an exec leads to: the channel, and the script that came over it."""

    channel: paramiko.Channel
    transport: paramiko.Transport
    command: str
    nonce: bytes = b""

    def read_script(self) -> None:
        """Take the whole script in, and the nonce out of it."""
        script = b""
        while not script.endswith(b"exit 0\n}\n"):
            portion = self.channel.recv(65536)
            if not portion:
                return
            script += portion
        self.nonce = script.split(b"_sg_n=", 1)[1].split(b"\n", 1)[0]

    def say(self, text: bytes) -> None:
        """Send on standard output; N stands for the nonce."""
        self.channel.sendall(text.replace(b"<N>", self.nonce))

    def both(self, text: bytes) -> None:
        """Send the same on both streams."""
        self.say(text)
        self.channel.sendall_stderr(text.replace(b"<N>", self.nonce))


Behaviour = Callable[[Shell], None]


@dataclass
class EvilSsh(paramiko.ServerInterface):
    """A server that goes through with the protocol up to a point. Everything it was given is on record."""

    key: paramiko.PKey
    behave: Behaviour | None = None
    auth: int = paramiko.AUTH_SUCCESSFUL
    methods: str = "publickey"
    stop_at: str = ""
    """`auth`, `channel` or `exec`: there it falls silent."""
    given: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        self.transport = paramiko.Transport(connection)
        self.transport.set_log_channel("orchestrator.remote.paramiko")
        self.transport.add_server_key(self.key)
        with contextlib.suppress(Exception):
            self.transport.start_server(server=self)
            self.over.wait()
        self.transport.close()

    def _reach(self, point: str) -> None:
        if self.stop_at == point:
            self.over.wait()

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_none(self, username: str) -> int:
        self.given.append("none")
        return paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.given.append(f"password {password}")
        return paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> int:
        self.given.append("interactive")
        return paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._reach("auth")
        self.given.append(f"key {username}")
        return self.auth

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._reach("channel")
        return paramiko.OPEN_SUCCEEDED

    def check_channel_direct_tcpip_request(self, chanid: int, origin: object, destination: object) -> int:
        return self.check_channel_request("direct-tcpip", chanid)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._reach("exec")
        self.given.append(f"exec {command.decode()}")
        if self.behave is not None:
            shell = Shell(channel, self.transport, command.decode())
            threading.Thread(target=self._run, args=(self.behave, shell), daemon=True).start()
        return True

    @staticmethod
    def _run(behave: Behaviour, shell: Shell) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            behave(shell)


@dataclass
class Field:
    """Where evil servers listen, and the inventory's entry that leads to one."""

    folder: Path
    identity: Path
    key: paramiko.PKey
    limits: Limits = field(default_factory=lambda: Limits(connect=0.8, start=0.4, grace=0.2))
    over: threading.Event = field(default_factory=threading.Event)
    listeners: list[socket.socket] = field(default_factory=list)
    servers: list[EvilSsh] = field(default_factory=list)

    def raw(self, behave: Callable[[socket.socket], None], **changes: object) -> Host:
        """Listen, and let each connection be treated so."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, behave), daemon=True).start()
        port = listener.getsockname()[1]
        known_hosts = self.folder / "known_hosts"
        with known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{port} {self.key.get_name()} {self.key.get_base64()}\n")
        described = {
            "name": "web",
            "address": "127.0.0.1",
            "port": port,
            "identity": self.identity,
            "known_hosts": known_hosts,
        }
        return Host.model_validate({**described, **changes})

    def ssh(
        self, behave: Behaviour | None = None, *, changes: dict[str, object] | None = None, **options: object
    ) -> Host:
        """Listen with a server that speaks SSH and then does this with each exec."""

        def serve(connection: socket.socket) -> None:
            server = EvilSsh(self.key, behave, over=self.over, **options)  # type: ignore[arg-type]
            self.servers.append(server)
            server.serve(connection)

        return self.raw(serve, **(changes or {}))

    @property
    def given(self) -> list[str]:
        """What the servers were given."""
        return [what for server in self.servers for what in server.given]

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
        self.over.set()
        for listener in self.listeners:
            listener.close()
        for server in self.servers:
            server.transport.close()


@pytest.fixture(scope="session")
def host_key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identity") / "id"
    paramiko.ECDSAKey.generate().write_private_key_file(str(path))
    return path


@pytest.fixture
def evil(tmp_path: Path, identity: Path, host_key: paramiko.PKey) -> Iterator[Field]:
    made = Field(tmp_path, identity, host_key)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_stays_and_memory_holds() -> Iterator[None]:
    """Afterwards no thread of a connection lives, and at no time was much memory used."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield
    assert _status("VmHWM") - before < MEMORY_OVER
    end = time.monotonic() + 2
    while time.monotonic() < end and _connections():
        time.sleep(0.02)
    assert not _connections()


def _connections() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, HardenedTransport)]


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise AssertionError(name)


@pytest.fixture
def within() -> Callable[[float], contextlib.AbstractContextManager[None]]:
    """Assert that something takes no longer than its deadline and two seconds."""

    @contextlib.contextmanager
    def measure(deadline: float) -> Iterator[None]:
        begun = time.monotonic()
        yield
        assert time.monotonic() - begun < deadline + SECONDS_OVER

    return measure
