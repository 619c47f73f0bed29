"""What still sends mail after every mail server is stopped: programs that connect to mail ports by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.facts import PlacedFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Gap
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host.place import place_of
from stopgap.tasks.mta.server import ROUTER_DROPS
from stopgap.tasks.mta.servers import servers

_NAMED = 5
"""Most programs named."""


def outgoing(facts: PlacedFact, scene: Scene) -> Iterator[Gap]:
    """Yield a gap for programs that talk to a mail port now, and one where no router could drop their packets."""
    names: list[str] = []
    for process in facts.processes:
        if not process.talks or any(server.owns(process) for server in servers()):
            continue
        place = place_of(process, facts)
        where = place.container.describe() if place.container else place.unit
        first = process.talks[0]
        name = process.exe.rpartition("/")[2] or process.name
        there = f"[{first.address}]:{first.port}" if first.address.version == 6 else f"{first.address}:{first.port}"
        told = {"name": name, "pid": process.pid, "where": where, "there": there}
        named = tr("{name} (process {pid}, in {where}) to {there}", **told)
        said = named if where else tr("{name} (process {pid}) to {there}", **told)
        names.append(said)
    if names:
        yield Gap(
            text=tr(
                "programs that are no mail server send mail now, and go on: {names}; only packets dropped upstream"
                " stop that",
                names=joined(", ", names[:_NAMED]),
            ),
            at_best=ROUTER_DROPS,
        )
    if scene.upstream is None:
        yield Gap(
            text=tr(
                "no router above {host} is known: a program there can still send mail by itself, such as PHP's mail()"
                " or a script",
                host=scene.target.name,
            ),
            at_best=ROUTER_DROPS,
        )
