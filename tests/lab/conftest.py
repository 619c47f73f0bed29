"""The lab for tests: a fresh one for each file, down at its end. STOPGAP_KEEP_LAB=1 leaves it up."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from lab_hosts.lab import ssh_command
from lab_hosts.topology import BY_NAME

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "scripts" / "lab"
STATE = Path("/run/stopgap-lab")
"""Where the lab that is up keeps its keys and its hosts' files."""
SHARED = (
    *("-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o", f"ControlPath={STATE}/to-%h"),
    *("-o", "ServerAliveInterval=4", "-o", "ServerAliveCountMax=3"),
)
"""Options of ssh that let one connection carry all commands; a host that is cut off fails them after some 12 s."""
SEVERING = {"up", "down", "pause", "reboot", "cut"}
"""Commands of scripts/lab after which no connection is used again."""
LONGEST = (
    *("test_traffic_nat", "test_proof", "test_traffic_drivers", "test_traffic_block", "test_verdict", "test_chaos"),
    *("test_when_things_go_wrong", "test_main_job", "test_recovery", "test_traffic_bgp", "test_traffic_own_host"),
)
"""Files whose tests take longest, so that labs side by side end at about the same time."""


class Lab:
    """What a test does with the lab, all through `scripts/lab`."""

    def run(
        self, *arguments: str, timeout: float = 120, env: dict[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`scripts/lab ARGUMENTS…`, from the project's root; `timeout` in seconds."""
        if arguments[0] in SEVERING:
            for connection in STATE.glob("to-*"):
                connection.unlink()
        return _run([LAB, *arguments], env, stdin, timeout)

    def ssh(self, host: str, command: str, stdin: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """One shell command on a host, as root, as `scripts/lab ssh` runs it but over one connection for all: a login
        costs a fifth of a second of processor time.
        """
        *words, where = ssh_command(BY_NAME[host])
        return _run([*words, *SHARED, where, command], None, stdin, timeout)

    def read(self, host: str, command: str) -> str:
        """What a command prints on a host; the test fails if the command does."""
        done = self.ssh(host, command)
        assert done.returncode == 0, f"{host}: {command}: {done.stderr}"
        return done.stdout

    def exec(
        self, namespace: str, *argv: str, timeout: float = 120, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A program of this machine on a namespace's network."""
        return self.run("exec", namespace, *argv, timeout=timeout, env=env)

    def http(self, url: str, where: str = "internet") -> int:
        """The HTTP status that a namespace gets from a URL; 0 where nothing answers within 3 s."""
        done = self.exec(where, "curl", "-gso", os.devnull, "-m", "3", "-w", "%{http_code}", url)
        return int(done.stdout or 0)

    def tcp(self, address: str, port: int, where: str = "internet") -> bool:
        """Whether a TCP connection comes about within 2 s."""
        connect = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
        return self.exec(where, "python3", "-c", connect).returncode == 0

    def rules(self, router: str = "edge") -> str:
        """A router's rules and routes, in a form that counters and clocks do not change."""
        return self.read(
            router,
            "nft -s list ruleset; ip -4 rule; ip -6 rule; ip -4 route; ip -6 route | sed 's/ expires [0-9]*sec//'",
        )

    def services(self, host: str = "web") -> str:
        """A digest of a host's web files, Apache configuration and unit states."""
        text = self.read(
            host,
            "find /etc/apache2 /var/www -type f -print0 | sort -z | xargs -0 sha256sum;"
            "find /etc/apache2 /var/www -printf '%p %M %u %l\\n' | sort;"
            "systemctl list-unit-files --no-legend | grep -vw transient | sort",
        )
        return hashlib.sha256(text.encode()).hexdigest()


def _run(
    words: Sequence[str | Path], env: dict[str, str] | None, stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=ROOT, env=os.environ | (env or {}), input=stdin,
        capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
    )  # fmt: skip


def pytest_configure() -> None:
    """End as on Ctrl-C when killed, so that the lab goes down."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lives here as `lab`, skip it where hosts cannot be booted, and begin with what takes longest."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)
            if os.geteuid():
                item.add_marker(pytest.mark.skip(reason="boots real hosts in network namespaces, which takes root"))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The lab, up. One that is up already is used, after repair if it needs any."""
    it = Lab()
    try:
        up = it.run("up", timeout=900)
        assert up.returncode == 0, up.stderr
        yield it
    finally:
        if os.environ.get("STOPGAP_KEEP_LAB") != "1":
            it.run("down")
