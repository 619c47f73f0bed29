"""What a kind of router can be made to do, stated as data, and what follows where a block asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.task import Gap, Note, Planned, Refused

if TYPE_CHECKING:
    from stopgap.tasks.traffic.driver import Block, Driver

Way: TypeAlias = Literal["from", "to"]
"""A packet's direction, seen from the blocked address."""


class Capabilities(BaseModel):
    """What a driver does, as it is: nothing is promised that its device does not keep."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    where: Literal["device", "provider"] = "device"
    """Who drops: the device, or the provider above it, whom what crosses the device alone never meets."""
    directions: tuple[Way, ...] = ("from", "to")
    one_way: bool = False
    """It can drop in one of its directions alone."""
    ipv6: bool = True
    established: bool = True
    """Flows from before the block die too."""
    expiry: Literal["device", "scheduled", "none"] = "none"
    """Who ends the block: the device's own clockwork, an undo scheduled on it, or nobody but `undo`."""
    exception: bool = False
    """Those in `allow`, and the operator, still get through."""
    answers_alone: bool = False
    """Who is let through gets answers from the blocked addresses, and is never connected to from there."""
    local: bool = False
    """What the device itself exchanges with the blocked addresses is dropped too."""
    cards: bool = False
    """What the blocked host's network card sends is dropped too, by whatever address."""
    after_nat: bool = False
    """What leaves the device as a blocked address is dropped after source NAT, whichever host has sent it."""
    bridged: bool = False
    """What a bridge of the device hands on meets the drops, where the kernel shows it to the IP rules."""
    divert: bool = False
    """Web traffic can go to a spare."""
    services: bool = False
    """Single services can stay open (`allow_services`), or single ports alone be blocked (`ports`)."""
    commit_confirm: bool = False
    """The device takes the block back by itself unless a fresh connection confirms it: by a commit of its own, or
    by an undo that is scheduled there first."""
    persist: bool = False
    """The block can be made to survive a reboot of the device."""
    log: bool = False
    """Dropped packets can be logged, at a limited rate."""
    trusted: bool = True
    """The device is not the broken-into host itself."""
    less: str = ""
    """What it cannot do where the device lacks something that is not always there."""

    def describe(self) -> str:
        """Say it in one line."""
        has = {
            "IPv6": self.ipv6,
            "established flows": self.established,
            "allow": self.exception,
            "answers alone": self.answers_alone,
            "local traffic": self.local,
            "network card": self.cards,
            "after NAT": self.after_nat,
            "divert": self.divert,
            "services": self.services,
            "commit-confirm": self.commit_confirm,
            "persist": self.persist,
            "log": self.log,
        }
        ways = "both ways" if len(self.directions) == 2 else f"packets {self.directions[0]} it alone"
        ways += ", at the provider" if self.where == "provider" else ""
        expiry = {"device": "expires in the device", "scheduled": "expires by a scheduled undo", "none": ""}
        lacks = [name for name, there in has.items() if not there] + (["expiry"] if self.expiry == "none" else [])
        parts = [ways, *(name for name, there in has.items() if there), expiry[self.expiry]]
        text = ", ".join(part for part in parts if part)
        text += f"; no {', no '.join(lacks)}" if lacks else ""
        text += f"; {self.less}" if self.less else ""
        return text if self.trusted else f"{text}; not to be trusted"


def refuse_beyond(driver: Driver, block: Block, *, allowing: bool, diverting: bool) -> None:
    """Raise Refused where a block asks for what the driver cannot do, and doing less would not be what was asked.

    `allowing` and `diverting` tell that `allow` was given, and `web_to: spare`. Needs nothing read of any host.
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
    """Name what the driver leaves open of a block that it can make for the rest."""
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
    """Tell whether it drops something in the directions asked for, and nothing in the other."""
    asked, able = set(block.directions), set(can.directions)
    return bool(asked & able) and (can.one_way or able <= asked)
