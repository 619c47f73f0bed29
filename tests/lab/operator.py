"""Stopgap as the operator runs it, in the operator's namespace, with a state folder of the test's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import forkserver

from .conftest import Lab

CONTAIN = ("runbooks/contain.yaml", "-t", "web", "-p", "contact=noc@example.jp")


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of --json."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The last event."""
        return self.events[-1]

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcomes by step, from the last event."""
        return {step["step"]: step["outcome"] for step in self.last["steps"]}

    def reason(self, step: str) -> str:
        """Why a step ended as it did."""
        return str(next(s["reason"] for s in self.last["steps"] if s["step"] == step))


@dataclass(frozen=True)
class Operator:
    """Runs commands; `home` is the state folder."""

    lab: Lab
    home: Path
    inventory: str = "inventories/lab.yaml"

    def stopgap(self, *argv: str, timeout: float = 300) -> Ran:
        """Run `stopgap ARGV`."""
        done = self.lab.exec(
            "operator", str(forkserver.stopgap()), *argv, timeout=timeout, env={"STOPGAP_HOME": str(self.home)}
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def run(self, runbook: str, *argv: str, timeout: float = 300) -> Ran:
        """Run a runbook with --json."""
        return self.stopgap("run", runbook, "-i", self.inventory, "--json", *argv, timeout=timeout)

    def undo_all(self) -> None:
        """Take back whatever is in force still, so that the next test finds the hosts as they were."""
        for line in self.stopgap("runs").out.splitlines():
            if not line.startswith("No run"):
                self.stopgap("undo", line.split()[0], "--yes", "--force")
