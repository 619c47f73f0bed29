"""Comparison of a block with the driver's capabilities: refusals and gaps."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.task import Gap, Note, Planned, Refused
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, Driver


def refuse_beyond(driver: Driver, block: Block, *, allowing: bool, diverting: bool) -> None:
    """Raise Refused for a block beyond the driver's capabilities, if a lesser block would not fit the request.

    `allowing` and `diverting` are True if `allow` and `web_to: spare` were given. No facts of a host are needed.
    """
    can = driver.capabilities
    asked = {
        "spare those in `allow`": allowing and not can.exception,
        "send web traffic to the spare: say `web_to: drop`": diverting and not can.divert,
        "keep services open (`allow_services`)": bool(block.services) and not can.services,
        "block single `ports`": bool(block.ports) and not can.services,
        "survive a reboot (`persist`)": block.persist and not can.persist,
        "log": block.log and not can.log,
        f"drop packets {' and '.join(block.directions)} it alone": not _in_its_ways(can, block),
        "block IPv6": not can.ipv6 and all(n.version == 6 for n in block.addresses),
    }
    if wanting := [what for what, beyond in asked.items() if beyond]:
        raise Refused(f"the driver {driver.name} cannot {', nor '.join(wanting)}")


def shortfalls(driver: Driver, block: Block) -> Iterator[Planned]:
    """Yield gaps for the parts of a block left open by the driver."""
    can = driver.capabilities
    if block.ports or len(block.directions) < 2:
        yield Gap(text=f"packets are dropped {block.ways}, as asked: the rest passes", at_best="partly")
    if block.services:
        yield Gap(text=f"open to everybody, as asked: {block.left_open}", at_best="partly")
    if open_ways := [way for way in block.directions if way not in can.directions]:
        yield Gap(
            text=f"{driver.name} drops no packet {' or '.join(open_ways)} the blocked addresses: it is a one-way cut",
            at_best="partly",
        )
    if can.where == "provider":
        yield Gap(
            text="the provider drops, not this router: whoever reaches the blocked addresses without crossing the "
            "provider, such as its other customers here, still does",
            at_best="partly",
        )
    if left := [n for n in block.addresses if n.version == 6 and not can.ipv6]:
        yield Gap(text=f"{driver.name} leaves IPv6 open: {', '.join(map(str, left[:4]))}", at_best="partly")
    if not can.established:
        yield Gap(text=f"{driver.name} leaves flows alive that were there before", at_best="partly")
    if not can.trusted:
        yield Gap(
            text="whoever broke into the host can lift a block that the host itself keeps up: not to be trusted",
            at_best="unverified",
        )
    if not can.exception:
        where = " where it crosses the provider" if can.where == "provider" else ""
        yield Note(text=f"{driver.name} spares nobody: your own way to the blocked addresses is cut too{where}")
    if can.expiry == "none":
        yield Note(text=f"with {driver.name} it does not lapse by itself: it stays until it is undone")


def _in_its_ways(can: Capabilities, block: Block) -> bool:
    """Return True if the driver drops a requested direction, and no other direction."""
    asked, able = set(block.directions), set(can.directions)
    return bool(asked & able) and (can.one_way or able <= asked)
