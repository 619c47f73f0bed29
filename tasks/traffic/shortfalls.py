"""Comparison of a block with the driver's capabilities: refusals and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.duration import format_duration
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Gap, Note, Planned, Refused, Unlimited
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, Driver, way_text
from stopgap.tasks.traffic.selection import diverts_beside


def refuse_beyond(driver: Driver, block: Block, *, allowing: bool, diverting: bool) -> None:
    """Raise Refused for a block beyond the driver's capabilities, if a lesser block would not fit the request.

    `allowing` and `diverting` are True if `allow` and `web_to: spare` were given. No facts of a host are needed.
    """
    can = driver.capabilities
    asked = {
        tr("spare those in `allow`"): allowing and not can.exception,
        tr("send web traffic to the spare: say `web_to: drop`"): diverting and not can.divert,
        tr("keep services open (`allow_services`)"): bool(block.services) and not can.services,
        tr("block single `ports`"): bool(block.ports) and not can.services,
        tr("survive a reboot (`persist`)"): block.persist and not can.persist,
        "log": block.log and not can.log,
        tr(
            "drop packets {directions} it alone", directions=joined(" and ", map(way_text, block.directions))
        ): not _in_its_ways(can, block),
        tr("block IPv6"): not can.ipv6 and all(n.version == 6 for n in block.addresses),
    }
    if wanting := [what for what, beyond in asked.items() if beyond]:
        raise Refused(
            tr("the driver {driver} cannot {wanting}", driver=driver.name, wanting=joined(", nor ", wanting))
        )


def shortfalls(driver: Driver, block: Block) -> Iterator[Planned]:
    """Yield gaps for the parts of a block left open by the driver."""
    can = driver.capabilities
    if block.ports or len(block.directions) < 2:
        yield Gap(text=tr("packets are dropped {ways}, as asked: the rest passes", ways=block.ways), at_best="partly")
    if block.services:
        yield Gap(text=tr("open to everybody, as asked: {left_open}", left_open=block.left_open), at_best="partly")
    if open_ways := [way for way in block.directions if way not in can.directions]:
        yield Gap(
            text=tr(
                "{driver} drops no packet {open_ways} the blocked addresses: it is a one-way cut",
                driver=driver.name,
                open_ways=joined(" or ", map(way_text, open_ways)),
            ),
            at_best="partly",
        )
    if can.where == "provider":
        yield Gap(
            text=tr(
                "the provider drops, not this router: whoever reaches the blocked addresses without crossing "
                "the provider, such as its other customers here, still does"
            ),
            at_best="partly",
        )
    if left := [n for n in block.addresses if n.version == 6 and not can.ipv6]:
        yield Gap(
            text=tr("{driver} leaves IPv6 open: {left}", driver=driver.name, left=", ".join(map(str, left[:4]))),
            at_best="partly",
        )
    if not can.established:
        yield Gap(text=tr("{driver} leaves flows alive that were there before", driver=driver.name), at_best="partly")
    if not can.trusted:
        yield Gap(
            text=tr("whoever broke into the host can lift a block that the host itself keeps up: not to be trusted"),
            at_best="unverified",
        )
    if not can.exception:
        where = tr(" where it crosses the provider") if can.where == "provider" else ""
        yield Note(
            text=tr(
                "{driver} spares nobody: your own way to the blocked addresses is cut too{where}",
                driver=driver.name,
                where=where,
            )
        )
    if can.expiry == "none":
        yield Gap(
            text=tr(
                "with {driver} nothing ends the block after {time}: it stays until it is undone, and `stopgap "
                "status` says so once it is due",
                driver=driver.name,
                time=format_duration(block.expires),
            ),
            at_best=Unlimited(why=tr("a block that stays lets no packet pass")),
        )


def with_due(driver: Driver, block: Block, planned: Iterable[Planned]) -> Iterator[Planned]:
    """Yield what is planned; a change that nothing ends by itself with the time after which it is to be undone."""
    for item in planned:
        ends = driver.capabilities.expiry != "none" or not isinstance(item, Change)
        yield item if ends else item.model_copy(update={"due": block.expires.total_seconds()})


def visitors(driver: Driver, scene: Scene, *, unsaid: bool) -> Iterator[Gap]:
    """Yield a gap for visitors that nothing sends to the spare: at a guest's own port, or at a provider.

    `unsaid` is True if the operator has not said where web traffic goes.
    """
    elsewhere = driver.capabilities.by_port or scene.on.connection == "exec"
    if scene.spare and unsaid and elsewhere and not driver.capabilities.divert and not diverts_beside(scene):
        yield Gap(
            text=tr(
                "visitors of {host} are not sent to {spare}: do that at the router above, or by DNS",
                host=scene.target.name,
                spare=scene.spare.name,
            ),
            at_best=Unlimited(why=tr("no page that is missing lets a packet pass")),
        )


def _in_its_ways(can: Capabilities, block: Block) -> bool:
    """Return True if the driver drops a requested direction, and no other direction."""
    asked, able = set(block.directions), set(can.directions)
    return bool(asked & able) and (can.one_way or able <= asked)
