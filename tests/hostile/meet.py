"""One client against one evil server, in a process of its own: python -m tests.hostile.meet SPEC (see table.py)."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import Limits

PASSWORD = "password-of-the-operator"


def ours(spec: dict[str, Any], hosts: dict[str, Host], folder: Path) -> str:
    """Meet it with Stopgap."""
    from .ours import exchange, whole_run
    from .scenarios import all_scenarios

    steps = next(scenario.steps for scenario in all_scenarios() if scenario.name == spec["scenario"])
    met = whole_run(hosts, steps(folder), folder) if steps else exchange(hosts, Limits(**spec["limits"]))
    print(met.shown)
    return met.said


def stock(spec: dict[str, Any], hosts: dict[str, Host], folder: Path) -> str:
    """Meet it with fabric, used as its documentation shows, with the time-outs that it has."""
    from fabric import Config, Connection

    def to(host: Host) -> Connection:
        return Connection(
            host.address,
            host.user,
            host.port,
            config=Config(overrides={"sudo": {"password": PASSWORD}}),
            gateway=to(hosts[host.jump]) if host.jump else None,
            connect_timeout=1,
            connect_kwargs={"key_filename": str(host.identity)},
        )

    connection = to(hosts["web"])
    try:
        if spec["stock"] == "get":
            connection.get("/etc/motd", str(folder / "got"))
            return f"took it, mode {(folder / 'got').stat().st_mode & 0o7777:04o}"
        do = connection.sudo if spec["stock"] == "sudo" else connection.run
        return f"status {do('ls', timeout=1, warn=True).exited}, believed"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def main() -> None:
    """Meet, and write down what was said, the seconds and the bytes that it took."""
    spec = json.loads(sys.argv[1])
    hosts = {name: Host.model_validate(host) for name, host in spec["hosts"].items()}
    folder = Path(spec["folder"])
    meet = ours if spec["client"] == "ours" else stock
    importlib.import_module("stopgap.orchestrator.remote.ssh" if spec["client"] == "ours" else "fabric")
    before, begun = _peak(), time.monotonic()
    said = meet(spec, hosts, folder)
    result = {"said": said, "seconds": time.monotonic() - begun, "bytes": _peak() - before}
    Path(spec["result"]).write_text(json.dumps(result))


def _peak() -> int:
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(found.split()[1]) << 10


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # threads of a client that is stuck must not keep the process
