"""Servers that Stopgap cannot give a page to: held, by unit or container, while Stopgap's own server answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.facts import ContainerFact, PlacedProcess, UnitFact
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.task import Planned, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host import containers, units
from stopgap.tasks.host.carriers import FORWARDERS, is_carrier
from stopgap.tasks.host.place import place_of
from stopgap.tasks.web.layout import OWN_UNIT, Facts
from stopgap.tasks.web.service import describe, owners

_ALSO = (22, 53)
"""Ports of services that nobody stops for the sake of a page."""


def take_over(facts: Facts, on: Host, ports: Sequence[int]) -> Iterator[Planned]:
    """Yield a change for each unit or container that answers on the ports; raises Unplannable for any other program.

    The undo starts again what ran, and puts back what starts at boot.
    """
    done: set[str] = set()
    for port in ports:
        for process in owners(facts, port):
            place = place_of(process, facts.placed)
            forwards = (process.exe.rpartition("/")[2] or process.name) in FORWARDERS
            if place.unit == OWN_UNIT:
                continue
            if place.container or forwards:
                mine = [each for each in facts.containers if place.container and each.id == place.container.id]
                yield from _containers(mine or _publishing(port, facts), process, facts, on, port, done)
            else:
                yield from _unit(place.unit, process, facts, on, port, done)
        yield from _sockets(port, facts, done)
        for each in _publishing(port, facts):
            yield from _containers([each], None, facts, on, port, done)


def others(facts: Facts, port: int) -> bool:
    """Return True if a container publishes the port, or systemd listens there for a service."""
    return bool(_publishing(port, facts) or list(_listening(port, facts)))


def describe_others(facts: Facts, port: int) -> str:
    """Return the containers and socket units for which `others` is True; empty for none."""
    named = [_named(each) for each in _publishing(port, facts)]
    return joined(", ", (*named, *(unit.name for unit in _listening(port, facts))))


def _named(known: ContainerFact) -> str:
    return tr("{runtime} container {name}", runtime=known.runtime, name=known.name or known.id[:12])


def _publishing(port: int, facts: Facts) -> list[ContainerFact]:
    return [each for each in facts.containers if port in each.ports]


def _listening(port: int, facts: Facts) -> Iterator[UnitFact]:
    for unit in facts.units:
        ports = {place.rpartition(":")[2] for place in unit.listens if not place.startswith("/")}
        if unit.name.endswith(".socket") and units.is_active(unit) and str(port) in ports:
            yield unit


def _unit(
    name: str, process: PlacedProcess, facts: Facts, on: Host, port: int, done: set[str]
) -> Iterator[RunCommands]:
    unit = next((unit for unit in facts.units if unit.name == name), None)
    if name in done:
        return
    inside = [each for each in facts.placed.processes if place_of(each, facts.placed).unit == name]
    ports = {listener.port for each in inside for listener in each.listens}
    carries = {each.pid for each in inside} & facts.placed.carrying() or ports & set(_ALSO)
    # A transient unit is gone once stopped: no undo could start it.
    passing = unit is None or not units.is_known(unit) or unit.enabled == "transient"
    if unit is None or passing or is_carrier(name) or carries:
        raise Unplannable(
            tr(
                "port {port} of {host} is taken by {owner}, which Stopgap gives no page to, and which no service of "
                "its own runs: stop it there, with what starts it, or name another spare",
                port=port,
                host=on.name,
                owner=describe(process, facts),
            )
        )
    mine = [*(each for each in facts.units if each.name.endswith(".socket") and name in each.triggers), unit]
    done.update(each.name for each in mine)
    also = sorted(ports - {80, 443})
    about = tr(
        "stop {owner} and keep it stopped: {state}",
        owner=describe(process, facts),
        state=joined(", ", (units.describe(each) for each in mine)),
    )
    if also:
        ports_shown = ", ".join(map(str, also))
        about = tr("{about}; it answers on {ports} too, and stops there as well", about=about, ports=ports_shown)
    moves = units.hold(mine, facts.drop_in_directories)
    yield RunCommands(about=about, do=moves.do, undo=moves.undo, expects=moves.expects)


def _sockets(port: int, facts: Facts, done: set[str]) -> Iterator[RunCommands]:
    for socket in _listening(port, facts):
        mine = [u for u in (socket, *(u for u in facts.units if u.name in socket.triggers)) if u.name not in done]
        if socket.name in done or any(is_carrier(unit.name) for unit in mine):
            continue
        done.update(unit.name for unit in mine)
        moves = units.hold(mine, facts.drop_in_directories)
        about = tr(
            "keep systemd from listening on port {port}: {units}",
            port=port,
            units=joined(", ", (units.describe(unit) for unit in mine)),
        )
        yield RunCommands(about=about, do=moves.do, undo=moves.undo, expects=moves.expects)


def _containers(
    found: Sequence[ContainerFact],
    process: PlacedProcess | None,
    facts: Facts,
    on: Host,
    port: int,
    done: set[str],
) -> Iterator[RunCommands]:
    if process and (not found or any(each.removes for each in found)):
        raise Unplannable(
            tr(
                "port {port} of {host} is taken by {owner}, whose container no runtime could stop and start again: "
                "stop it there, or name another spare",
                port=port,
                host=on.name,
                owner=describe(process, facts),
            )
        )
    for known in found:
        if known.id in done:
            continue
        done.add(known.id)
        about = tr(
            "stop {container}, which answers on port {port}, and keep it stopped", container=_named(known), port=port
        )
        if unit := next((unit for unit in facts.units if known.unit and unit.name == known.unit), None):
            moves = units.hold([unit], facts.drop_in_directories)
            yield RunCommands(about=about, do=moves.do, undo=moves.undo, expects=moves.expects)
        else:
            yield containers.stop(known, about)
