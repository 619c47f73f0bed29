"""A real OpenSSH server on loopback, with keys of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.transport import HardenedTransport

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
needs_sshd = pytest.mark.skipif(SSHD is None, reason="sshd (Debian package openssh-server) is missing")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path, *arguments: str, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", *(arguments or ("-t", "ed25519")), "-N", passphrase, "-f", path], check=True)
    return path


@dataclass(frozen=True)
class Server:
    folder: Path
    port: int
    pid: int

    def host(self, **changes: object) -> Host:
        described = {
            "name": "web",
            "address": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity": self.folder / "id",
            "known_hosts": self.folder / "known_hosts",
        }
        return Host.model_validate({**described, **changes})

    def cut_all(self) -> None:
        """End every connection, as a link that breaks does; the server goes on.

        OpenSSH 10 has a process between the server and the session.
        """
        for pid in _below(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def logins(self) -> int:
        """How often somebody was let in."""
        return (self.folder / "log").read_text().count("Accepted publickey")


def _below(pid: int) -> list[int]:
    """Give the children of a process and their children, as they are now."""
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*children, *(below for child in children for below in _below(child))]


def wait_for_port(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd did not come up")


def wait_for(path: Path) -> None:
    wait_until(path.exists)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, holds
        time.sleep(0.02)


def assert_no_connection_stays() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and any(isinstance(t, HardenedTransport) for t in threading.enumerate()):
        time.sleep(0.02)
    assert not [t for t in threading.enumerate() if isinstance(t, HardenedTransport)]


@contextmanager
def serving(folder: Path, *settings: str) -> Iterator[Server]:
    """Have a server run for the length of a block; what it keeps lies in the folder.

    `settings`: lines for its configuration (sshd_config(5)).
    """
    assert SSHD is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    host_key, identity = make_key(folder / "host"), make_key(folder / "id")
    shutil.copy(identity.with_suffix(".pub"), folder / "authorized")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nMaxStartups 3:90:6\n"
        f"PermitUserEnvironment no\nUseDNS no\nSetEnv HOME={folder}\n"  # bash reads ~/.bashrc when sshd starts it
        + "".join(f"{line}\n" for line in settings)
    )
    key = " ".join(host_key.with_suffix(".pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log)
    try:
        wait_for_port(port)
        yield Server(folder, port, process.pid)
    finally:
        process.terminate()
        process.wait(180)
