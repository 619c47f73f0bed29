"""The table of nft(8) at a guest's ports: planned, checked, and recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from stopgap.orchestrator.change import Expectation, RunCommands
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import FileFact, GuestPortFact, GuestTool, NftTable, ProgramFact, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap, Note, Planned, Unlimited, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.after_boot import (
    end_is_right,
    end_reader,
    loader,
    no_way,
    no_way_for_port,
    put_end_back,
    set_end,
)
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, some
from stopgap.tasks.traffic.guest.counters import PortDropping, guest_state_reader, time_of_ports
from stopgap.tasks.traffic.guest.ruleset import Parting, parting_ruleset
from stopgap.tasks.traffic.ownership import NOTHING, change_of, expectation, maker
from stopgap.tasks.traffic.ruleset import difference, same, table_of, unmarked
from stopgap.tasks.traffic.table import load, look, put_back

_NAMED_AT_START: frozenset[GuestTool] = frozenset({"docker", "podman", "incus", "lxd", "xl"})
_NUMBERED = re.compile(r"(?:vnet|veth|macvtap)[0-9]+")
"""Ports that libvirt and the kernel number."""
_FAMILIES = ("bridge", "netdev")
_MADE_ANEW: frozenset[GuestTool] = frozenset({"docker", "podman"})
"""Tools that number the ports of their containers, and often choose link-layer addresses, at each start."""


def reads(label: str) -> Mapping[str, Reader[Any]]:
    """Return readers for the table in either family."""
    table = table_of(label)
    return {
        "boot_end": end_reader(label),
        "rules": NftTable("bridge", table, "-s"),
        "state": guest_state_reader("bridge", table),
        "rules_netdev": NftTable("netdev", table, "-s"),
        "state_netdev": guest_state_reader("netdev", table),
    }


def owner(facts: DeviceFacts) -> str | None:
    """Return the owner recorded in the table; None without a table."""
    listed = in_force(facts)[1]
    if not listed:
        return None
    made = maker(listed)
    return made[0] if made else ""


def in_force(facts: DeviceFacts) -> tuple[str, str]:
    """Return the family and the listing of the table in force; empty without a table. Raises Unplannable."""
    if "nft" not in facts.system.programs:
        return "", ""
    for kind, listed in zip(_FAMILIES, (facts.rules, facts.rules_netdev), strict=True):
        if listed is None:
            continue
        if listed.status == 0:
            return kind, listed.stdout
        if "No such file or directory" not in listed.stderr and kind == "bridge":
            reason = next(iter(listed.stderr.splitlines()), tr("no reason given"))
            raise Unplannable(tr("nft cannot list the ruleset: {reason}", reason=reason))
    return "", ""


def plan(block: Block, parting: Parting, facts: DeviceFacts) -> Iterator[Planned]:
    """Yield the table to load, unless in force already."""
    kind, before = in_force(facts)
    wanted = parting_ruleset(block, parting)
    if block.persist and (why := _ends_with_reboot(parting, facts)):
        yield Gap(
            text=tr("the block ends with a reboot of the hypervisor: {reason}", reason=why),
            at_best=Unlimited(why=tr("the hypervisor drops until then")),
        )
        block = replace(block, persist=False)
    left = _time_left(block, parting, facts) if same(unmarked(before), wanted) else None
    if left is None:
        yield _load(block, parting, before if kind == parting.family else "", wanted, facts.boot_end)
    else:
        yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=left)
        if not end_is_right(block, facts):
            yield _change_end(block, parting.family, before, facts)
    if block.persist:
        port = parting.guest.ports[0] if parting.family == "netdev" else ""
        yield from loader(block, wanted, facts, parting.family, port)
    if kind and kind != parting.family:
        yield Note(
            text=tr(
                "table {kind} {label} of an earlier port stays until its time is over",
                kind=kind,
                label=table_of(block.label),
            )
        )


def checks(block: Block, parting: Parting, vantage: CheckVantage) -> Iterator[Check]:
    """Yield a check of drops and counters at the ports."""
    yield PortDropping(vantage=vantage, family=parting.family, table=table_of(block.label), ports=parting.guest.ports)


def about(parting: Parting, block: Block) -> list[str]:
    """Return what is dropped, and who is allowed, as parts of a line."""
    guest = parting.guest
    dropped = tr(
        "drop all frames of {guest} at {ports} ({cards})",
        guest=guest.name,
        ports=", ".join(guest.ports),
        cards=", ".join(guest.cards),
    )
    return [dropped, *([tr("allow {allowed}", allowed=some(block.allowed))] if block.allowed else [])]


def _time_left(block: Block, parting: Parting, facts: DeviceFacts) -> timedelta | None:
    """Return the time left to the block; None if a renewal is needed."""
    state: ProgramFact | None = facts.state if parting.family == "bridge" else facts.state_netdev
    if state is None or state.status != 0:
        return None
    try:
        left = time_of_ports(state.stdout)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    shortest = min(left.get(port, timedelta()) for port in parting.guest.ports)
    return shortest if shortest >= block.expires * block.fresh else None


def _ends_with_reboot(parting: Parting, facts: DeviceFacts) -> str:
    if parting.family == "netdev":
        named = [port for port in parting.guest.held if port.device in parting.guest.ports]
        if len(parting.guest.ports) != 1 or any(_is_numbered(port) for port in named):
            return tr("a table of nft's netdev family needs the port, which may get another name")
        return no_way_for_port(parting.guest.ports[0], facts)
    if any(port.tool in _MADE_ANEW for port in parting.guest.held):
        return tr("containers get their ports and link-layer addresses anew, and another one may get this port")
    return no_way(facts)


def _is_numbered(port: GuestPortFact) -> bool:
    """Return True for a port whose name the next guest may get: by number, or at random."""
    return port.tool in _NAMED_AT_START or bool(_NUMBERED.fullmatch(port.device))


def _change_end(block: Block, kind: str, before: str, facts: DeviceFacts) -> RunCommands:
    made = change_of(before)
    what = tr("also after a reboot, until the same moment") if block.persist else tr("no longer after a reboot")
    return RunCommands(
        about=tr("table {family} {label}: {parts}", family=kind, label=table_of(block.label), parts=what),
        do=(set_end(block, kind),),
        undo=(put_end_back(block, facts.boot_end, before, kind),),
        expects=Expectation(look=look(block, kind), left=(made, NOTHING)) if made else None,
    )


def _load(block: Block, parting: Parting, before: str, wanted: str, end: FileFact) -> RunCommands:
    kind, replaced = parting.family, change_of(before)
    keeping = block.persist or end.kind != "absent"
    table = f"table {kind} {table_of(block.label)}"
    again = bool(before) and same(unmarked(before), wanted)
    parts = [*about(parting, block), *([tr("for its full time again")] if again else [])]
    parts += [tr("also after a reboot")] if block.persist else []
    return RunCommands(
        about=tr(
            "table {family} {label}: {parts}", family=kind, label=table_of(block.label), parts=joined(", ", parts)
        ),
        do=(load(block, wanted, replaced, kind), *((set_end(block, kind),) if keeping else ())),
        undo=(
            put_back(block, before, replaced, kind),
            *((put_end_back(block, end, before, kind),) if keeping else ()),
        ),
        undo_about=tr("put back {table} as it was", table=table) if before else tr("delete {table}", table=table),
        expects=expectation(look(block, kind), replaced),
        marked=True,
        diff=difference(unmarked(before), wanted, block.label, kind),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )
