"""A router alone: a network namespace with nft and a ruleset that was there before; it boots in no time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .operator import Ran
from .traffic import ROOT, WITHOUT_SPARE, Router

if TYPE_CHECKING:
    from .conftest import Lab

BEFORE = """
nft -f - <<'END'
table ip filter {
    chain DOCKER-USER { counter return; }
    chain FORWARD { type filter hook forward priority filter; ct state established accept; jump DOCKER-USER; }
}
table inet own {
    set bad { type ipv4_addr; elements = { 192.0.2.66 }; }
    chain in { type filter hook prerouting priority -300; ip saddr @bad drop; }
}
END
"""
STOPGAP = Path(sys.executable).parent / "stopgap"
RULES = "nft -s list ruleset"


class Alone:
    """A namespace that answers as the lab's router would to `ssh`; nobody else is there."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", _HOLD], stdout=subprocess.PIPE)
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"ready\n"

    def ssh(self, host: str, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        if host != "edge":
            return subprocess.CompletedProcess([], 255, "", "nobody there")
        enter = ["nsenter", f"--target={self._holder.pid}", "--net", "--mount", "sh"]
        environment = {**os.environ, "SSH_CONNECTION": "10.9.0.2 50000 10.9.0.1 22"}
        return subprocess.run(enter, input=script, env=environment, capture_output=True, text=True, check=False)

    def exec(self, namespace: str, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 255, "", "not looked at")

    def rules(self) -> str:
        done = self.ssh("edge", RULES)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stopgap(self, home: Path, *argv: str) -> Ran:
        """Run the command line on the router itself."""
        done = subprocess.run(
            ["nsenter", f"--target={self._holder.pid}", "--net", "--mount", STOPGAP, *argv],
            cwd=ROOT, env={**os.environ, "STOPGAP_HOME": str(home)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def end(self) -> None:
        self._holder.kill()
        self._holder.wait()


_HOLD = "mount -t tmpfs none /run; echo ready; exec sleep infinity"


@contextmanager
def router_alone() -> Iterator[tuple[Alone, Router]]:
    alone = Alone()
    try:
        assert alone.ssh("edge", BEFORE).returncode == 0
        yield alone, Router(cast("Lab", alone), WITHOUT_SPARE)
    finally:
        alone.end()
