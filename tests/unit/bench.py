"""A state folder, an inventory of hosts that are this machine, and the command line to drive them with."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.cli import main
from tests import forkserver

INSTALLED = Path(sys.executable).with_name("stopgap")
"""The installed command: what a test kills is the process that works."""


@dataclass
class Bench:
    """Everything lies below `top`; the hosts `a` and `b` are local, `gone` refuses connections."""

    top: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def inventory(self) -> Path:
        return self.top / "inventory.yaml"

    @property
    def files(self) -> Path:
        """Where runbooks of a test write."""
        return self.top / "files"

    def write_inventory(self) -> None:
        self.files.mkdir()
        hosts: dict[str, Any] = {
            name: {"address": f"127.0.0.{n}", "connection": "local"} for n, name in ((2, "a"), (3, "b"))
        }
        hosts["gone"] = {"address": "127.0.0.1", "port": 1}
        (self.top / "known_hosts").touch()
        self.inventory.write_text(json.dumps({"defaults": {"known_hosts": "./known_hosts"}, "hosts": hosts}))

    def runbook(self, *steps: dict[str, Any], **rest: Any) -> str:
        path = self.top / "runbook.yaml"
        path.write_text(json.dumps({"name": "A runbook of a test", **rest, "steps": list(steps)}))
        return str(path)

    def stopgap(self, *argv: str) -> tuple[int, str, str]:
        """Run a command; give exit status, standard output and standard error."""
        self.capsys.readouterr()
        status = main(argv)
        said = self.capsys.readouterr()
        return status, said.out, said.err

    def in_background(self, *argv: str, program: Path | None = None) -> subprocess.Popen[str]:
        """Start a command in a process of its own, without a terminal; `program` in place of a fork."""
        return subprocess.Popen(
            [program or forkserver.stopgap(), *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def run(self, runbook: str, *words: str, target: str = "a") -> tuple[int, list[dict[str, Any]]]:
        """Run a runbook with --json; give exit status and events."""
        status, out, _ = self.stopgap("run", runbook, "-i", str(self.inventory), "-t", target, "--json", *words)
        return status, [json.loads(line) for line in out.splitlines()]


def outcomes(events: list[dict[str, Any]]) -> dict[str, str]:
    """Give outcomes by step from the last event."""
    return {step["step"]: step["outcome"] for step in events[-1]["steps"]}


def file(bench: Bench, name: str, content: str = "new\n", **step: Any) -> dict[str, Any]:
    """Give a step that writes a file of the bench's."""
    return {"id": name, "task": "host.file", "with": {"path": str(bench.files / name), "content": content}, **step}
