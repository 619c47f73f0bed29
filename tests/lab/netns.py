"""A network namespace for a test: scripts, readers and sockets within."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

from lab_hosts.namespaces import enter

from stopgap.orchestrator.facts import Output, Reader
from stopgap.orchestrator.hosttext import HostText


class Namespace:
    """A network namespace that lives as long as its process."""

    def __init__(self) -> None:
        words = ["unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; exec sleep infinity"]
        self.holder = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self.holder.stdout
        assert self.holder.stdout.readline() == b"ready\n"

    def words(self, *argv: str) -> list[str]:
        """Give what runs a program in it."""
        return ["nsenter", f"--target={self.holder.pid}", "--net", *argv]

    def sh(self, script: str) -> str:
        done = subprocess.run(self.words("sh", "-c", script), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, reader: Reader[Any]) -> Any:
        done = subprocess.run(self.words("sh", "-c", reader.script()), capture_output=True, check=False)
        return reader.parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket of this process in the namespace."""
        home, away = (os.open(f"/proc/{pid}/ns/net", os.O_RDONLY) for pid in ("self", self.holder.pid))
        try:
            enter(away)
            return socket.socket(family, kind, protocol)
        finally:
            enter(home)
            os.close(away)
            os.close(home)

    def end(self) -> None:
        self.holder.kill()
        self.holder.communicate()
