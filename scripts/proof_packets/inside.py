"""Scripts inside the lab's hosts, and the lab itself."""

from __future__ import annotations

import subprocess

from lab_hosts import machine
from lab_hosts.state import ROOT
from lab_hosts.topology import BY_NAME


def inside(host: str) -> list[str]:
    """Give the words before those of a command inside a host of the lab, past its network."""
    return ["nsenter", "-t", str(machine.init(BY_NAME[host])), "-a", "--"]


def on(host: str, script: str, stdin: str = "", *, check: bool = True) -> str:
    """Run a shell script inside a host of the lab, past its network; raises RuntimeError where it fails."""
    done = subprocess.run(
        [*inside(host), "sh", "-c", script], input=stdin, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise RuntimeError(f"{host}: {script}\n{done.stderr}")
    return done.stdout


def lab(*words: str) -> None:
    """Run scripts/lab; raises RuntimeError where it fails."""
    done = subprocess.run([ROOT / "scripts" / "lab", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"scripts/lab {' '.join(words)}: {done.stderr}")
