"""A router that is a network namespace of this machine, with processes and a /run of its own, for real rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.facts import Output, Reader
from stopgap.orchestrator.hosttext import HostText
from tests import forkserver

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("nft", "ip", "unshare", "nsenter"))),
    reason="loads rules in a network namespace, as root",
)

_SETTING = (
    "mount -t tmpfs tmpfs /run && ip link set lo up && ip addr add 203.0.113.1/24 dev lo && echo up && exec cat"
)


@dataclass
class Namespace:
    """Where commands run as on a router."""

    pid: int

    def sh(self, script: str, *, ok: tuple[int, ...] = (0,)) -> str:
        """Run a script; give what it prints."""
        done = self.run("sh", "-c", script)
        assert done.returncode in ok, f"{done.returncode}: {done.stderr}"
        return done.stdout

    def status(self, script: str) -> int:
        """Run a script; give its exit status."""
        return self.run("sh", "-c", script).returncode

    def run(self, *argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", *argv],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )

    def read(self, reader: Reader[Any]) -> Any:
        """Read a fact as a run would."""
        done = self.run("sh", "-c", reader.script())
        return reader.parse(Output(HostText(done.stdout.encode()), HostText(done.stderr.encode()), done.returncode))

    @property
    def uptime(self) -> int:
        return int(float(Path("/proc/uptime").read_text().split()[0]))


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a router; nothing of it is left afterwards."""
    kinds = ["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
    unshare = ["unshare", *kinds, "sh", "-ec", _SETTING]
    with subprocess.Popen(unshare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            (init,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield Namespace(int(init))
        finally:
            process.stdin.close()


@dataclass
class Controller:
    """A state folder, from which runs are made on a router that is `edge`."""

    home: Path
    router: Namespace
    driver: str = "nftables"

    def __post_init__(self) -> None:
        hosts = {
            "web": {"address": "203.0.113.10", "addresses": ["203.0.113.10", "2001:db8:113::10"], "upstream": "edge"},
            "edge": {
                "address": "127.0.0.1",
                "driver": self.driver,
                "may_block": ["203.0.113.0/24", "2001:db8:113::/64"],
            },
        }
        local = {name: {**host, "connection": "local"} for name, host in hosts.items()}
        words = {"expires": "{{ params.expires }}", "renew": "{{ params.renew }}"}
        runbook = {
            "name": "Block a host",
            "params": {
                "expires": {"type": "duration", "default": "24h", "description": "How long"},
                "renew": {"type": "boolean", "default": False, "description": "Whether to prolong"},
            },
            "steps": [{"id": "cut", "task": "traffic.block", "with": words}],
        }
        self.home.mkdir(parents=True)
        (self.home / "inventory.yaml").write_text(json.dumps({"hosts": local}))
        (self.home / "block.yaml").write_text(json.dumps(runbook))

    def stopgap(self, *argv: str) -> tuple[int, str]:
        """Run a command in a process of its own; give exit status and all that it says."""
        env = {"STOPGAP_HOME": str(self.home / "state")}
        done = self.router.run(str(forkserver.stopgap()), *argv, env=env)
        return done.returncode, done.stdout + done.stderr

    def block(self, expires: str, *, renew: bool = False, dry_run: bool = False) -> dict[str, Any]:
        """Block the host for so long; give the run's last event."""
        inventory, runbook = str(self.home / "inventory.yaml"), str(self.home / "block.yaml")
        words = ["-p", f"expires={expires}", "-p", f"renew={'true' if renew else 'false'}"]
        words += ["--dry-run" if dry_run else "--yes", "--json"]
        status, said = self.stopgap("run", runbook, "-i", inventory, "-t", "web", *words)
        assert status == 0, said
        last: dict[str, Any] = json.loads(next(line for line in reversed(said.splitlines()) if line.startswith("{")))
        return last
