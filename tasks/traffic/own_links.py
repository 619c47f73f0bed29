"""Isolation of a host by link down, the last method: cuts everybody off, the operator included.

An undo scheduled on the host beforehand restores IPv6 addresses and routes lost with the link, since no login is
possible meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.facts import ProgramFact, ScheduledFact
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Gap, Note, Planned, Unlimited
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.driver import Block, DeviceFacts
from stopgap.tasks.traffic.shell import run


def usable(facts: DeviceFacts) -> bool:
    """Return True if the host has ip(8) and links."""
    return "ip" in facts.system.programs and bool(_devices(facts))


def stands(block: Block, facts: DeviceFacts) -> bool:
    """Return True if the return of the links is still scheduled."""
    return facts.scheduled.due is not None


def plan(block: Block, facts: DeviceFacts) -> Iterator[Planned]:
    """Yield the change to take down all links with addresses, after a person's approval."""
    if expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
        yield Note(text=tr("the links go up at {at}", at="{at}"), after=facts.scheduled.left)
        return
    devices = _devices(facts)
    yield Gap(
        text=tr("nobody gets in until the links go up again, by themselves: no evidence, no undo from here"),
        at_best=Unlimited(why=tr("links that are down carry no packet")),
    )
    yield Question(
        text=tr("Take down the links {devices}?", devices=", ".join(devices)),
        reason=tr(
            "It cuts everything: your own way to the host too. It comes back by itself when the time is "
            "over, or by hand at its console."
        ),
    )
    addresses = [
        f"-6 addr replace {i.address} dev {i.device} nodad"
        for i in facts.interfaces
        if i.device in devices and i.address.version == 6 and not i.address.is_link_local
    ]
    routes = [*_routes(4, facts.main4), *_routes(6, facts.main6)]
    raise_links = run("raise_links", *devices, lines="".join(f"{line}\n" for line in [*addresses, *routes]))
    yield RunCommands(
        about=tr("take down the links {devices}, a second later", devices=", ".join(devices)),
        do=(expiry_timer.end(block, raise_links), run("lower_links", *devices)),
        undo=(expiry_timer.undo(block, raise_links, (), ScheduledFact()),),
        undo_about=tr("take the links up, with their addresses and routes"),
        expects=expiry_timer.expected(block, ScheduledFact()),
        marked=True,
        lasts=block.expires.total_seconds(),
    )


def _devices(facts: DeviceFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(i.device for i in facts.interfaces if not i.address.is_loopback))


def _routes(version: int, listed: ProgramFact | None) -> list[str]:
    """Return the static routes, in the syntax of ip(8)."""
    lines = listed.stdout.splitlines() if listed is not None and listed.status == 0 else []
    words = [line.split() for line in lines]
    return [f"-{version} route replace {' '.join(w)}" for w in words if w and not {"kernel", "ra"} & set(w)]
