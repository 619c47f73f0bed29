"""The service of a web server: whether it runs, its start, and how it takes up another configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from stopgap.orchestrator.change import Activate, Command, RunCommands, command
from stopgap.orchestrator.facts import PlacedProcess
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.task import Planned, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.host import units
from stopgap.tasks.host.place import place_of
from stopgap.tasks.web.layout import Facts

_INIT = 1
_INTERPRETER = re.compile(r"(python|ruby|perl|php|node|bash|dash|sh$)")
"""Programs that say little of what they run."""


class Served(Protocol):
    """A web server with a service and a test of its configuration."""

    @property
    def service(self) -> str:
        """Name of the service for the init system."""
        ...

    @property
    def test(self) -> tuple[str, ...]:
        """The command to test the configuration."""
        ...


def is_running(server: Served, facts: Facts, on: Host) -> bool:
    """Return True if the service runs; raises Unplannable if a start is impossible."""
    taken = any(listener.port == 80 for listener in facts.listeners)
    if facts.system.init != "systemd":
        return taken
    name = f"{server.service}.service"
    unit = next((unit for unit in facts.units if unit.name == name), None)
    if unit is None or unit.load == "not-found":
        raise Unplannable(
            tr(
                "{host} has {test}, but no {name} that could be told to take up a page",
                host=on.name,
                test=server.test[0],
                name=name,
            )
        )
    if unit.active in {"active", "reloading", "activating"}:
        return True
    if unit.load == "masked":
        raise Unplannable(
            tr("{name} on {host} is stopped and masked: systemctl unmask {name} first", name=name, host=on.name)
        )
    if taken:
        raise Unplannable(
            tr(
                "port 80 of {host} is taken by {owner}, and not by {name}: stop that first",
                host=on.name,
                owner=describe_owner(facts) or tr("something else"),
                name=name,
            )
        )
    return False


def start(server: Served, facts: Facts) -> Iterator[Planned]:
    """Yield the start of the server. The undo stops the service before files are restored, so no reload is needed."""
    known = [unit for unit in facts.units if unit.name == f"{server.service}.service"]
    yield RunCommands(
        about=tr("start {service}", service=server.service),
        do=(command(*server.test), drive(server, facts, "start")),
        undo=(drive(server, facts, "stop"),),
        expects=units.expectation(known, {}, now="running") if known else None,
    )
    yield Activate(
        about=tr("test the configuration of {service}", service=server.service),
        test=(command(*server.test),),
        take=(),
    )


def take_up(server: Served, facts: Facts, *, afresh: bool) -> Activate:
    """Return the test of the configuration and the reload; with `afresh` a restart, so that no memory stays."""
    verb, about = "reload", tr("reload {service}", service=server.service)
    if afresh:
        verb = "restart"
        about = tr(
            "restart {service}, since a reload would keep what the intruder left in its memory",
            service=server.service,
        )
    return Activate(
        about=about,
        test=(command(*server.test),),
        take=(drive(server, facts, verb),),
    )


def owners(facts: Facts, port: int) -> list[PlacedProcess]:
    """Return the processes that listen on a port in the host's own network namespace, the oldest first; not init."""
    here = facts.placed.named(facts.placed.reader)
    space = here.network if here else 0
    found = [p for p in facts.placed.processes if any(each.port == port for each in p.listens) and p.network == space]
    return sorted((each for each in found if each.pid != _INIT), key=lambda each: (each.started, each.pid))


def owner_of_port_80(facts: Facts) -> PlacedProcess | None:
    """Return the oldest process that listens on port 80."""
    return next(iter(owners(facts, 80)), None)


def runs_as(service: str, process: PlacedProcess, facts: Facts) -> bool:
    """Return True if the process runs in the service's own unit, or in none, and in no container."""
    place = place_of(process, facts.placed)
    return place.container is None and place.unit in {"", f"{service}.service"}


def describe_owner(facts: Facts) -> str:
    """Return what listens on port 80, as `nginx (process 50, in nginx.service)`; empty if unknown."""
    process = owner_of_port_80(facts)
    return describe(process, facts) if process else ""


def describe(process: PlacedProcess, facts: Facts) -> str:
    """Return program, process and place, as `nginx (process 50, in nginx.service)`."""
    place = place_of(process, facts.placed)
    name = process.exe.rpartition("/")[2]
    name = process.name if not name or _INTERPRETER.match(name) else name
    where = place.container.describe() if place.container else place.unit
    return (
        tr("{name} (process {pid}, in {where})", name=name, pid=process.pid, where=where)
        if where
        else tr("{name} (process {pid})", name=name, pid=process.pid)
    )


def drive(server: Served, facts: Facts, verb: str) -> Command:
    """Return the command for the service, by systemd or by an init script."""
    if facts.system.init == "systemd":
        return command("systemctl", verb, f"{server.service}.service")
    return command("service", server.service, verb)
