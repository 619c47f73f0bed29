"""Where it is measured: the lab, the command line on the operator's network, the bare client beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "scripts" / "lab"
INVENTORY = ROOT / "inventories" / "lab.yaml"
STATE = Path("/run/stopgap-lab")
KEY, KNOWN_HOSTS = STATE / "id_ed25519", STATE / "known_hosts"
OPERATOR = ("nsenter", "--net=/run/netns/stopgap-operator", "--")
STOPGAP = (*OPERATOR, str(ROOT / ".venv" / "bin" / "stopgap"))
LOADED = (
    "fabric",
    "jinja2.sandbox",
    "stopgap.orchestrator.cli.run",
    "stopgap.orchestrator.report.render",
    "stopgap.orchestrator.run.runner",
)
"""What a run imports: the first one that is measured must not be the one that compiles it."""


@dataclass(frozen=True)
class Place:
    """One call of the bench."""

    folder: Path
    attempts: int
    round_trips: list[float]
    hosts: list[int]
    plot: Path | None = None
    """Where the plot of the curves is written."""

    @property
    def environment(self) -> dict[str, str]:
        """Of every command: a state folder of its own, and bytecode as an installed package has it."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        bytecode = str(self.folder / "bytecode")
        return {**kept, "STOPGAP_HOME": str(self.folder / "home"), "PYTHONPYCACHEPREFIX": bytecode}

    def compile(self) -> None:
        """Make the bytecode that pip makes when it installs a package, and what it needs."""
        words = [sys.executable, "-m", "compileall", "-q", str(ROOT / "orchestrator"), str(ROOT / "tasks")]
        subprocess.run(words, env=self.environment, check=True)
        subprocess.run([sys.executable, "-c", f"import {', '.join(LOADED)}"], env=self.environment, check=True)

    def stopgap(self, *words: str) -> float:
        """Run it to its end; gives seconds. A proof that fails on a busy machine is not the matter here."""
        return timed([*STOPGAP, *words], env=self.environment, accept=(0, 1, 3))

    @contextmanager
    def agent(self) -> Iterator[None]:
        """Have the commands within run by the resident process: `stopgap agent`."""
        timed([*STOPGAP, "agent", "start"], env=self.environment)
        try:
            yield
        finally:
            timed([*STOPGAP, "agent", "stop"], env=self.environment)

    def undo(self) -> None:
        """Take back the last run."""
        self.stopgap("undo", "last", "--yes")


def timed(
    argv: list[str], *, env: dict[str, str] | None = None, stdin: str = "", accept: tuple[int, ...] = (0,)
) -> float:
    """Run a command to its end; gives seconds."""
    begun = time.monotonic()
    done = subprocess.run(argv, input=stdin, env=env, capture_output=True, text=True)
    took = time.monotonic() - begun
    if done.returncode not in accept:
        raise SystemExit(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return took


def ssh(address: str, *words: str, options: tuple[str, ...] = ()) -> list[str]:
    """Give the bare client's command line, with the lab's keys and no agent, as quick as it can be."""
    known = (
        "-F",
        "none",
        "-i",
        str(KEY),
        "-o",
        f"UserKnownHostsFile={KNOWN_HOSTS}",
    )
    quick = (
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "IdentityAgent=none",
        "-o",
        "GSSAPIAuthentication=no",
        "-o",
        "BatchMode=yes",
    )
    return [*OPERATOR, "ssh", *known, *quick, *options, f"root@{address}", *words]


@contextmanager
def distance(round_trip: float) -> Iterator[None]:
    """While the block runs, the operator is this far away: milliseconds there and back."""
    if not round_trip:
        yield
        return
    subprocess.run([LAB, "delay", str(round_trip)], check=True)
    try:
        yield
    finally:
        subprocess.run([LAB, "delay", "off"], check=True)
