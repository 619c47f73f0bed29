"""A mail server of the host itself: stopped by its init system, and kept from starting."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from stopgap.orchestrator import facts as read
from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.task import Gap, Planned, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.host import initscripts, openrc, units
from stopgap.tasks.host.carriers import is_carrier
from stopgap.tasks.host.units import Moves
from stopgap.tasks.mta.frozen import OTHERS, can_freeze, freeze
from stopgap.tasks.mta.host_facts import StopMtaFacts
from stopgap.tasks.mta.located import Located
from stopgap.tasks.mta.server import ROUTER_DROPS, MailServer
from stopgap.tasks.mta.servers import servers


def attributed(own: Sequence[Located], facts: StopMtaFacts) -> list[Located]:
    """Return the mail servers; a program in a unit of a known server, such as couriertcpd, is that server's."""
    of_units = {unit.name: server for server in servers() for unit in server.units_among(facts.units)}
    return [replace(each, server=each.server or of_units.get(each.place.unit)) for each in own]


def is_present(server: MailServer[Any, Any], running: Sequence[Located], facts: StopMtaFacts) -> bool:
    """Return True if the host has the mail server: by units, init scripts, processes or programs."""
    by_program = set(server.binaries) & set(facts.system.programs)
    return bool(running or by_program or server.units_among(facts.units) or server.scripts_among(facts.scripts))


def stop_known(
    server: MailServer[Any, Any], running: Sequence[Located], facts: StopMtaFacts, *, loose: bool, in_use: bool
) -> RunCommands | None:
    """Return the change to stop a known mail server; None if the server is not in use, and does not start at boot.

    `loose`: some process is kept by no supervisor, which would be told to stop it. `in_use`: the server runs, or is
    started for each connection, so that units are held that neither run nor start at boot.
    Raises Unplannable for an init system that Stopgap cannot drive.
    """
    match facts.system.init:
        case "systemd":
            held, managed, state = _hold_units(server, running, facts, in_use=in_use)
        case "sysvinit" | "openrc":
            held, managed, state = _hold_scripts(server, facts, running=bool(running) and loose)
        case other:
            if not running and not server.scripts_among(facts.scripts):
                return None
            raise Unplannable(
                tr(
                    "{server} is here, and how to stop it under init system {other} is not known",
                    server=server.name,
                    other=f"{other!r}",
                )
            )
    ended = server.end(managed=managed) if running and loose else Moves((), ())
    if not (held.do or ended.do):
        return None
    return RunCommands(
        about=tr(
            "stop {server} and keep it stopped: {state}", server=server.name, state=state or tr("no service runs it")
        ),
        do=held.do + ended.do,
        undo=held.undo + ended.undo,
        expects=held.expects if held.do else None,
        undo_about="" if held.undo + ended.undo else tr("nothing was running that could be started again"),
    )


def by_hand(found: Located, facts: StopMtaFacts) -> bool:
    """Return True for a program in no unit that could be held, and that may be frozen."""
    return _unit_of(found, facts) is None and can_freeze(found.processes, facts.placed)


def stop_unknown(found: Located, facts: StopMtaFacts, known: Collection[str]) -> Iterator[Planned]:
    """Yield the change to hold the unit behind a program with a mail port, or else to freeze the program; or a gap.

    `known` are the units held already.
    """
    named = tr("{server} {role}", server=found.name, role=found.role)
    if found.place.unit in known:
        return
    if unit := _unit_of(found, facts):
        if others := sorted(set(_ports_of(unit.name, facts)) & set(OTHERS)):
            text = tr(
                "{named}, and {unit} also serves {others}: take mail out of its settings",
                named=named,
                unit=unit.name,
                others=", ".join(map(str, others)),
            )
            yield Gap(text=text, at_best=ROUTER_DROPS)
            return
        mine = [*_sockets_of([unit.name], facts), unit]
        moves = units.hold(mine, facts.drop_in_directories)
        if moves.do:
            state = joined(", ", (units.describe(each) for each in mine))
            about = tr(
                "stop {found}, which {role}, and keep it stopped: {state}",
                found=found.name,
                role=found.role,
                state=state,
            )
            yield RunCommands(about=about, do=moves.do, undo=moves.undo, expects=moves.expects)
        return
    where = tr(" (it is in {unit})", unit=found.place.unit) if found.place.unit else ""
    told = {"named": named, "where": where, "pid": found.processes[0].pid}
    frozen = by_hand(found, facts)
    if frozen and (change := freeze(found.processes, facts.placed)):
        yield change
    text = (
        tr(
            "{named}, and no service of its own runs it{where}: process {pid} is frozen, its ports take connections "
            "and answer nothing; end it by hand, and what starts it",
            **told,
        )
        if frozen
        else tr(
            "{named}, and no service of its own runs it{where}: end process {pid} by hand, and what starts it",
            **told,
        )
    )
    yield Gap(text=text, at_best=ROUTER_DROPS)


def stop_sockets(facts: StopMtaFacts, known: Collection[str]) -> Iterator[RunCommands]:
    """Yield the change to hold socket units that listen on a mail port, with the services behind the sockets.

    `known` are the units held already.
    """
    sockets = [unit for unit in _mail_sockets(facts) if unit.name not in known]
    names = {name for unit in sockets for name in unit.triggers}
    mine = [*sockets, *(u for u in facts.units if u.name in names and u.name not in known and units.is_known(u))]
    moves = units.hold(mine, facts.drop_in_directories)
    if moves.do:
        about = tr(
            "keep systemd from listening for mail: {units}",
            units=joined(", ", (units.describe(unit) for unit in mine)),
        )
        yield RunCommands(about=about, do=moves.do, undo=moves.undo, expects=moves.expects)


def behind_sockets(facts: StopMtaFacts) -> list[str]:
    """Return the names of the services, or of their templates, behind sockets with a mail port."""
    stems = [unit.name.removesuffix(".socket") for unit in _mail_sockets(facts)]
    return [*(f"{stem}{suffix}" for stem in stems for suffix in ("@.service", ".service"))]


def units_of(server: MailServer[Any, Any], running: Sequence[Located], facts: StopMtaFacts) -> list[read.UnitFact]:
    """Return the units of a known server: by name, by the control groups of the processes, and their sockets."""
    mine = server.units_among(facts.units)
    names = [unit.name for unit in mine]
    places = {each.place.unit for each in running}
    behind = [u for u in facts.units if u.name in places and u.name not in names and not is_carrier(u.name)]
    sockets = _sockets_of([*names, *(unit.name for unit in behind)], facts)
    return [*(u for u in sockets if u.name not in names), *mine, *behind]


def _unit_of(found: Located, facts: StopMtaFacts) -> read.UnitFact | None:
    """Return the unit that runs the program; None for a unit that carries processes of other programs."""
    unit = next((unit for unit in facts.units if unit.name == found.place.unit), None)
    known = facts.system.init == "systemd" and unit is not None and units.is_known(unit)
    return unit if known and unit and not is_carrier(unit.name) else None


def _hold_units(
    server: MailServer[Any, Any], running: Sequence[Located], facts: StopMtaFacts, *, in_use: bool
) -> tuple[Moves, bool, str]:
    mine = units_of(server, running, facts)
    active = any(units.is_active(unit) for unit in mine)
    if not active and not in_use and not any(_starts_at_boot(unit, facts) for unit in mine):
        return Moves((), ()), False, ""
    return units.hold(mine, facts.drop_in_directories), active, joined(", ", (units.describe(unit) for unit in mine))


def _starts_at_boot(unit: read.UnitFact, facts: StopMtaFacts) -> bool:
    """Return True if the unit starts at boot: directly, or for a generated unit by the init script's links."""
    if units.is_held(unit) or "@" in unit.name:
        return False
    if unit.enabled == "generated":
        return any(initscripts.levels(s) for s in facts.scripts if f"{s.name}.service" == unit.name)
    return units.starts_by_itself(unit)


def _hold_scripts(server: MailServer[Any, Any], facts: StopMtaFacts, *, running: bool) -> tuple[Moves, bool, str]:
    mine = server.scripts_among(facts.scripts)
    if facts.system.init == "openrc":
        moves = [openrc.hold(script, running=running) for script in mine]
        state = ", ".join(openrc.describe(script, running=running) for script in mine)
    else:
        moves = [initscripts.hold(script, running=running, programs=facts.system.programs) for script in mine]
        state = ", ".join(initscripts.describe(script, running=running) for script in mine)
    return (
        Moves(tuple(c for m in moves for c in m.do), tuple(c for m in moves for c in m.undo)),
        running and bool(mine),
        state,
    )


def _sockets_of(names: Collection[str], facts: StopMtaFacts) -> list[read.UnitFact]:
    return [u for u in facts.units if u.name.endswith(".socket") and set(u.triggers) & set(names)]


def _mail_sockets(facts: StopMtaFacts) -> list[read.UnitFact]:
    return [unit for unit in facts.units if units.is_active(unit) and _mail_socket(unit)]


def _mail_socket(unit: read.UnitFact) -> bool:
    ports = {place.rpartition(":")[2] for place in unit.listens if not place.startswith("/")}
    return bool(ports & {str(port) for port in read.MAIL_PORTS})


def _ports_of(unit: str, facts: StopMtaFacts) -> Iterator[int]:
    inside = (p for p in facts.placed.processes if f"/{unit}" in p.cgroup)
    yield from (listener.port for process in inside for listener in process.listens)
