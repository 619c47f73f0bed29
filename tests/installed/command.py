"""The installed command, in a fresh process each time, as an operator's shell starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

STOPGAP = Path(sys.executable).with_name("stopgap")
WATCHED = Path(__file__).with_name("watched")
OWN_ERRORS = ("an error of its own", "details are in", "Traceback")


@dataclass(frozen=True)
class Installed:
    """Runs the command with a state folder below `top`, on so many processors of this machine."""

    top: Path
    cpus: int

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end. Fails where it ends in an error of its own, or a thread imports a module."""
        noted = self.top / "imports"
        names = {"STOPGAP_HOME": self.top / "home", "IMPORTS_OF_THREADS": noted, "PYTHONPATH": WATCHED}
        mine = ",".join(map(str, sorted(os.sched_getaffinity(0))[: self.cpus]))
        done = subprocess.run(
            ["taskset", "-c", mine, str(STOPGAP), *words],
            env={**os.environ, **{name: str(value) for name, value in names.items()}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"stopgap {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        assert not any(error in said for error in OWN_ERRORS), said
        assert not noted.exists(), f"threads imported while others run: {noted.read_text()}"
        return done

    def run(self, runbook: str, inventory: Path, target: str, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Run a runbook with --json; give exit status and events."""
        done = self("run", runbook, "-i", str(inventory), "-t", target, "--json", *words)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def on_one_and_on_two(names: Iterable[str]) -> list[ParameterSet]:
    """Parameters for a test of each name, by turns with one processor and with two."""
    return [
        pytest.param(name, count, id=f"{name}, {('one processor', 'two processors')[count - 1]}")
        for name, count in zip(names, cycle((1, 2)), strict=False)
    ]
