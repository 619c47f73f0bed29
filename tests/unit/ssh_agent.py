"""A real ssh-agent(1), with keys and a record of what it signed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Agent:
    address: Path
    log: Path

    def add(self, key: Path) -> None:
        """Have the agent hold a private key; the file may be taken away afterwards."""
        env = {**os.environ, "SSH_AUTH_SOCK": str(self.address)}
        subprocess.run(["ssh-add", "-q", key], env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    @property
    def signatures(self) -> int:
        """How often the agent was asked to sign."""
        return self.log.read_text().count("process_sign_request2: entering")


@contextmanager
def agent(folder: Path) -> Iterator[Agent]:
    """Have an agent run for the length of a block."""
    address, log = folder / "agent.socket", folder / "agent.log"
    with log.open("w") as out:
        process = subprocess.Popen(["ssh-agent", "-d", "-a", address], stdout=subprocess.PIPE, stderr=out)
    try:
        assert process.stdout is not None
        assert b"SSH_AUTH_SOCK" in process.stdout.readline()
        yield Agent(address, log)
    finally:
        process.terminate()
        process.communicate()
