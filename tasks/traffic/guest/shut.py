"""Interfaces that are shut as a whole: a virtual function's state (SR-IOV), or a virtual card's link."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from stopgap.orchestrator.change import Command, RunCommands, command, in_order
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import GuestPortFact, Guests, Links, LinksFact, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Note, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts
from stopgap.tasks.traffic.guest.ways import Ways
from stopgap.tasks.traffic.shell import run

_TAP = re.compile(r"tap([0-9]+)i([0-9]+)")


@dataclass(frozen=True)
class _Interface:
    kind: str
    """`function`, `virsh` or `pve`, as sh/shut.sh has them."""
    who: str
    which: str
    before: str
    """How it is now, as the script shows it; empty where that is not to be told from facts."""
    shut: bool
    name: str
    """In a reader's words."""


def part(label: str) -> str:
    """Return the label of the timer."""
    return f"{label}.links"


def reads(label: str) -> Mapping[str, Reader[Any]]:
    """Return the reader for the timer; the state of the interfaces comes with the guests and the links."""
    return {"scheduled_links": expiry_timer.reader(part(label))}


def owner(facts: DeviceFacts) -> str | None:
    """Return the owner recorded by the timer."""
    return expiry_timer.owner(facts.scheduled_links)


def plan(block: Block, found: Ways, facts: DeviceFacts) -> Iterator[Planned]:
    """Yield the change that shuts the interfaces, a link after a person has said yes, unless all are shut."""
    interfaces, timer = _interfaces(found), facts.scheduled_links
    if not interfaces:
        return
    all_shut = all(each.shut for each in interfaces)
    names = ", ".join(each.name for each in interfaces)
    if all_shut and timer.due is None:
        yield Note(text=tr("{names} is shut already, and not by Stopgap", names=names))
        return
    if all_shut and expiry_timer.long_enough(timer, block.expires, block.fresh):
        yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=timer.left)
        return
    if found.linked:
        yield Note(
            text=tr("a reboot of the hypervisor leaves the link down without a timer: `stopgap undo` gives it back")
        )
    if found.linked and not all_shut:
        yield Question(
            text=tr("Take {names} down?", names=names),
            reason=tr(
                "Nothing of the hypervisor's sees these frames, so that the link alone can be taken down. It cuts "
                "everything, on every address: your own way to the host, its management and evidence with it."
            ),
        )
    yield _change(block, interfaces, names, facts, renewed=all_shut)


def checks(found: Ways, vantage: CheckVantage) -> Iterator[Check]:
    """Yield a check that each interface reads back as shut."""
    for function in found.functions:
        yield FunctionShut(vantage=vantage, device=function.device, number=function.number)
    for port in found.linked:
        yield LinkShut(vantage=vantage, guest=port.guest, link_address=port.link_address)


class FunctionShut(Check):
    """The virtual function's state reads back as `disable`."""

    kind: Literal["function-shut"] = "function-shut"
    device: str
    number: int

    def describe(self) -> str:
        """Name the function."""
        return tr("virtual function {number} of {device} is shut", number=self.number, device=self.device)

    def reader(self) -> Reader[LinksFact]:
        """Read the cards."""
        return Links()

    def judge(self, fact: LinksFact) -> Judgement:
        """Look at the state."""
        link = fact.of(self.device)
        state = next((each.state for each in link.functions if each.number == self.number), "") if link else ""
        if not state:
            return Judgement(None, tr("its state is not told"))
        return Judgement(state == "disable", tr("its state is {state}", state=state))


class LinkShut(Check):
    """The guest's link is down, by the hypervisor's configuration."""

    kind: Literal["link-shut"] = "link-shut"
    guest: str
    link_address: str

    def describe(self) -> str:
        """Name the guest's interface."""
        return tr("the link of {guest} ({link_address}) is down", guest=self.guest, link_address=self.link_address)

    def reader(self) -> Reader[tuple[GuestPortFact, ...]]:
        """Read the guests."""
        return Guests()

    def judge(self, fact: tuple[GuestPortFact, ...]) -> Judgement:
        """Look for the interface."""
        mine = [port for port in fact if port.guest == self.guest and port.link_address == self.link_address]
        if not mine:
            return Judgement(None, tr("the guest is off"))
        shut = all(port.shut for port in mine)
        return Judgement(shut, tr("it is") if shut else tr("it is up"))


def _interfaces(found: Ways) -> tuple[_Interface, ...]:
    functions = (
        _Interface(
            "function",
            each.device,
            str(each.number),
            each.state,
            shut=each.state == "disable",
            name=tr("virtual function {number} of {device}", number=each.number, device=each.device),
        )
        for each in found.functions
    )
    links = []
    for port in found.linked:
        name = tr("the link of {guest} at {port}", guest=port.guest, port=port.device or port.link_address)
        if port.tool == "pve":
            numbers = _TAP.fullmatch(port.device)
            guest, net = numbers.groups() if numbers else ("", "")
            links.append(_Interface("pve", guest, f"net{net}", "", shut=port.shut, name=name))
        else:
            links.append(_Interface("virsh", port.also[0], port.link_address, "", shut=port.shut, name=name))
    return (*functions, *links)


def _change(
    block: Block, interfaces: tuple[_Interface, ...], names: str, facts: DeviceFacts, *, renewed: bool
) -> RunCommands:
    timed, timer = replace(block, label=part(block.label)), facts.scheduled_links
    stood = timer.due is not None
    lift = command("sh", "-c", in_order([_run("lift", block, each, ours=stood) for each in interfaces]))
    ours = (command("true"),) if stood else ()
    shows = "\n".join(_run("show", block, each).script() for each in interfaces)
    return RunCommands(
        about=tr("shut {names}{renewed}", names=names, renewed=tr(", for its full time again") if renewed else ""),
        do=(
            expiry_timer.end(timed, lift),
            *(_run("shut", block, each) for each in interfaces),
            expiry_timer.record(timed, shows),
        ),
        undo=(expiry_timer.undo(timed, lift, ours, timer),),
        undo_about=tr("give {names} the time again that it had", names=names)
        if ours
        else tr("put {names} back as it was", names=names),
        expects=expiry_timer.expected(timed, timer, shows),
        marked=True,
        diff=tuple(f"+ {each.name}: down" for each in interfaces if not each.shut),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _run(what: str, block: Block, each: _Interface, *, ours: bool = False) -> Command:
    name = expiry_timer.unit(part(block.label))
    return run("shut", what, name, each.kind, each.who, each.which, before="" if ours else each.before)
