"""The place of a process: the systemd unit or the container that runs it, by control group and namespaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stopgap.orchestrator.facts import PlacedFact, PlacedProcess
from stopgap.orchestrator.text import tr

_ID = "([0-9a-f]{64})"
_APPLICATION: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (runtime, re.compile(f"(?:^|/){pattern}(?:\\.scope)?(?=/|$)"))
    for runtime, pattern in (
        ("docker", f"docker[-/]{_ID}"),
        ("podman", f"libpod(?:-payload)?-{_ID}"),
        ("cri-o", f"crio-{_ID}"),
        ("containerd", f"(?:cri-containerd|nerdctl|containerd)-{_ID}"),
        ("containerd", f"kubepods[^/]*/(?:[^/]+/)*?(?:cri-containerd-)?{_ID}"),
    )
)
"""Containers of one program, by the names that runtimes give to control groups."""
_SYSTEM: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (runtime, re.compile(f"(?:^|/){pattern}(?=/|$)"))
    for runtime, pattern in (
        ("LXC", r"lxc\.payload[./]([^/]+)"),
        ("LXC", r"lxc/([^/]+)"),
        ("nspawn", r"systemd-nspawn@([^/]+)\.service/payload"),
        ("nspawn", r"machine-([^/]+)\.scope"),
    )
)
"""Containers with an init system of their own."""
_UNIT = re.compile(r"/([A-Za-z0-9:_.\\@-]+\.(?:service|scope|mount|socket))(?=/|$)")


@dataclass(frozen=True)
class Container:
    """One container."""

    runtime: str
    """`docker`, `podman`, `containerd`, `cri-o`, `LXC`, `nspawn`; empty: separate namespaces, of no known runtime."""
    id: str
    """Name or id, as the runtime has it; may be empty."""
    group: str
    """Control group: of a container of one program as a whole, otherwise of the service in the container."""
    system: bool = False
    """The container has an init system of its own, and other services."""

    def describe(self) -> str:
        """Return runtime and a short id: `podman container 3f2a90c1b7de`."""
        short = self.id[:12] if re.fullmatch("[0-9a-f]{64}", self.id) else self.id
        runtime = self.runtime or tr("unknown")
        if short:
            return tr("{runtime} container {name}", runtime=runtime, name=short)
        return tr("{runtime} container", runtime=runtime)


@dataclass(frozen=True)
class Place:
    """Where a process runs: a unit, a container, or neither (started by hand, or no systemd)."""

    unit: str = ""
    container: Container | None = None


def place_of(process: PlacedProcess, facts: PlacedFact) -> Place:
    """Return the place of a process, by its control group, and by its PID namespace beside the reader's."""
    groups = _groups(process.cgroup)
    for path in groups:
        for runtime, pattern in _APPLICATION:
            if match := pattern.search(path):
                return Place(container=Container(runtime, match[1], path[: match.end()]))
        for runtime, pattern in _SYSTEM:
            if match := pattern.search(path):
                return Place(container=Container(runtime, match[1], path, system=True))
    here = facts.named(facts.reader)
    unit = next((found for path in groups if (found := _unit_of(path))), "")
    if here and here.pids and process.pids and here.pids != process.pids and not unit:
        return Place(container=Container("", "", next(iter(groups), "")))
    return Place(unit=unit)


def _unit_of(path: str) -> str:
    """Return the unit in a control group's path; a service of a user's own manager counts as the manager."""
    match = _UNIT.search(path)
    return match[1] if match else ""


def _groups(text: str) -> tuple[str, ...]:
    """Return the paths of a process's control groups, the unified hierarchy first, without the root."""
    found = [line.split(":", 2) for line in text.split(";")]
    return tuple(dict.fromkeys(each[2] for each in sorted(_whole(found), key=lambda e: e[1] != "") if each[2] != "/"))


def _whole(found: list[list[str]]) -> Iterator[list[str]]:
    yield from (each for each in found if len(each) == 3)
