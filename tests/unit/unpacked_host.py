"""A host of Debian's unpacked programs: a namespace with their files over this machine's own, where Stopgap runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import forkserver
from tests.unit.namespace import Namespace, namespace
from tests.unpacked import unpacked

ADDRESSES = ("203.0.113.1", "2001:db8:113::1")
SETTING = """
set -e
for d in usr etc var; do
    mkdir -p /run/over/$d.upper /run/over/$d.work /run/over/none
    of=%(root)s/$d; [ -d "$of" ] || of=/run/over/none
    mount -t overlay overlay -o lowerdir=$of:/$d,upperdir=/run/over/$d.upper,workdir=/run/over/$d.work /$d
done
ip addr add 2001:db8:113::1/64 dev lo nodad
"""


@dataclass(frozen=True)
class Host:
    """The namespace, with a state folder for runs."""

    place: Namespace
    home: Path

    def sh(self, script: str) -> str:
        return self.place.sh(script)

    def stopgap(self, *argv: str) -> tuple[int, str]:
        """Run a command in a process of its own; give exit status and all that it says."""
        done = self.place.run(str(forkserver.stopgap()), *argv, env={"STOPGAP_HOME": str(self.home / "state")})
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def run(self, task: str, params: Mapping[str, Any], *argv: str) -> tuple[int, str]:
        """Run one task for the target, on the spare where the task has that vantage; both are this host."""
        runbook, inventory = self.home / "runbook.yaml", self.home / "inventory.yaml"
        runbook.write_text(json.dumps({"name": "One task", "steps": [{"id": "it", "task": task, "with": params}]}))
        web = {"address": "127.0.0.1", "connection": "local", "spare": "spare"}
        spare = {"address": "127.0.0.2", "connection": "local", "addresses": list(ADDRESSES)}
        inventory.write_text(json.dumps({"hosts": {"web": web, "spare": spare}}))
        return self.stopgap("run", str(runbook), "-i", str(inventory), "-t", "web", *argv)


@contextmanager
def host_with(home: Path, *packages: str) -> Iterator[Host]:
    """Make a host with the files of Debian's packages; nothing of the host is left afterwards."""
    programs = unpacked(*packages)
    with namespace() as place:
        place.sh(SETTING % {"root": programs.root})
        yield Host(place, home)
