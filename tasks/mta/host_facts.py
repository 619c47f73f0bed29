"""Facts of a host's mail servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import field_validator

from stopgap.orchestrator import facts as read
from stopgap.orchestrator.task import Facts, Probe
from stopgap.tasks.host import initscripts
from stopgap.tasks.mta import dovecot, inetd
from stopgap.tasks.mta.servers import servers


class StopMtaFacts(Facts):
    """Mail servers of the host, by service manager, processes, sockets and containers, with queues."""

    system: read.SystemFact
    units: tuple[read.UnitFact, ...] = ()
    drop_in_directories: tuple[str, ...] = ()
    scripts: tuple[read.InitScriptFact, ...] = ()
    placed: read.PlacedFact = read.PlacedFact()
    containers: tuple[read.ContainerFact, ...] = ()
    queues: Mapping[str, Any] = {}
    """Key of a mail server → the list of the queue."""
    files: Mapping[str, read.FileFact] = {}
    """Path → the file: hooks and settings of mail servers, configuration of super-servers."""

    @field_validator("queues", mode="before")
    @classmethod
    def _typed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {s.key: s.Listed.model_validate(given[s.key]) for s in servers() if s.key in given}


def probe(*, ask_runtimes: bool) -> Probe:
    """Return the readers of services, processes, sockets, queues and, with `ask_runtimes`, of containers."""
    every = servers()
    paths = {path for server in every for path in (*server.hooks, *server.files)}
    return {
        "system": read.System((*initscripts.SWITCHES, *(name for server in every for name in server.binaries))),
        # Of the units of servers by name, also those that are not loaded; of all others, those that are.
        "units": read.Units((*(name for server in every for name in server.units), "*.service", "*.socket")),
        "drop_in_directories": read.Glob("/etc/systemd/system/*.d"),
        "scripts": read.InitScripts(tuple(name for server in every for name in server.scripts)),
        "placed": read.Placed(),
        **({"containers": read.Containers()} if ask_runtimes else {}),
        **{f"queues.{server.key}": server.queue for server in every},
        **{f"files.{path}": read.File(path) for path in sorted({*paths, *inetd.FILES, *dovecot.FILES})},
    }
