"""A router alone: a network namespace with nft and a ruleset that was there before; it boots in no time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import TYPE_CHECKING, Any, cast

from stopgap.orchestrator.facts import File, NftTable, Output, Program, Reader
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.task import At

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

    @property
    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self._holder.pid}", "--net", "--mount"]

    def ssh(self, host: str, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        if host != "edge":
            return subprocess.CompletedProcess([], 255, "", "nobody there")
        environment = {**os.environ, "SSH_CONNECTION": "10.9.0.2 50000 10.9.0.1 22"}
        return subprocess.run(
            [*self._enter, "sh", "-c", script],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def exec(self, namespace: str, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 255, "", "not looked at")

    def rules(self) -> str:
        done = self.ssh("edge", RULES)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def transactions(self) -> Iterator[list[str]]:
        """Collect a line for each transaction that changes the ruleset meanwhile, as the kernel tells them."""
        made: list[str] = []
        words = [*self._enter, "nft", "monitor"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as monitor:
            try:
                assert monitor.stdout
                while not select([monitor.stdout], [], [], 0.2)[0]:  # until it listens
                    self._mark("begun")
                self._mark("begins")
                for line in monitor.stdout:
                    if line == "delete table ip begins\n":
                        break
                next(monitor.stdout)
                yield made
                self._mark("over")
                for line in monitor.stdout:
                    if line == "add table ip over\n":
                        break
                    made += [line] if line.startswith("# new generation") else []
            finally:
                monitor.kill()  # else the end of the block would wait for it

    def _mark(self, name: str) -> None:
        assert self.ssh("edge", f"nft add table ip {name}; nft delete table ip {name}").returncode == 0

    def stopgap(self, home: Path, *argv: str) -> Ran:
        """Run the command line on the router itself."""
        done = subprocess.run(
            [*self._enter, STOPGAP, *argv],
            cwd=ROOT, env={**os.environ, "STOPGAP_HOME": str(home)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def end(self) -> None:
        self._holder.kill()
        self._holder.wait()


_HOLD = "mount -t tmpfs none /run; echo ready; exec sleep infinity"


class Unchanging(Router):
    """Reads but once what changes no more on a router that stands alone: its system, links and neighbours."""

    def __init__(self, alone: Alone) -> None:
        super().__init__(cast("Lab", alone), WITHOUT_SPARE)
        self._known: dict[str, Any] = {}

    def _outputs(self, host: str, scripts: list[str]) -> list[Output]:
        answers = [self.lab.ssh(host, script) for script in scripts]  # no login to be spared
        return [Output(HostText(a.stdout.encode()), HostText(a.stderr.encode()), a.returncode) for a in answers]

    def see(self, requests: Sequence[Reader[Any] | At]) -> list[Any]:
        new = [
            request
            for request in requests
            if isinstance(request, Program | NftTable | File) or repr(request) not in self._known
        ]
        seen = dict(zip(map(repr, new), super().see(new), strict=True))
        self._known |= seen
        return [self._known[repr(request)] for request in requests]


@contextmanager
def router_alone() -> Iterator[tuple[Alone, Router]]:
    alone = Alone()
    try:
        assert alone.ssh("edge", BEFORE).returncode == 0
        yield alone, Unchanging(alone)
    finally:
        alone.end()
