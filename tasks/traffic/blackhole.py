"""The blackhole driver: a blackhole route for each address, for routers without a better method.

The method is destination-only. Packets from the host still leave the router; packets to the host are lost, so
connections die, but one-way traffic (a beacon, a flood, data sent over UDP) goes on. No exception is possible, not
even for the operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.change import Command, RunCommands, command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Program, ProgramFact, Reader, ScheduledFact
from stopgap.orchestrator.host import CheckVantage, Network
from stopgap.orchestrator.task import Note, Planned, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, Driver, address_text, some, text_diff
from stopgap.tasks.traffic.listings import routes
from stopgap.tasks.traffic.shell import run

PROTOCOL = "83"
"""Protocol number of Stopgap's routes (rtm_protocol); no routing daemon uses this number."""


class Blackhole(Driver):
    """ip(8), with `blackhole` routes (ip-route(8))."""

    name: ClassVar[str] = "blackhole"
    capabilities: ClassVar[Capabilities] = Capabilities(
        directions=("to",), local=True, expiry="scheduled", commit_confirm=True
    )
    programs: ClassVar[tuple[str, ...]] = ("ip",)

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for Stopgap's routes of each family, and for the expiry timer."""
        return {"rules": _listing(4), "rules6": _listing(6), "scheduled": expiry_timer.reader(label)}

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded by the expiry timer."""
        return expiry_timer.owner(facts.scheduled)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if a route of the block is present."""
        present = {*_present(facts.rules), *_present(facts.rules6)}
        return any(address_text(n) in present for n in block.dropped)

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the missing routes; overlapping blocks share routes, removed with the last block."""
        present = {*_present(facts.rules), *_present(facts.rules6)}
        missing = [n for n in block.dropped if address_text(n) not in present]
        if missing or not expiry_timer.long_enough(facts.scheduled, block.expires, block.fresh):
            yield _change(block, missing, facts.scheduled)
        else:
            yield Note(
                text=tr("in force until {at}, then it lets everything through", at="{at}"), after=facts.scheduled.left
            )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield checks of the routes."""
        for version in (4, 6):
            if networks := tuple(n for n in block.dropped if n.version == version):
                yield Blackholed(vantage=vantage, version=version, addresses=networks)


class Blackholed(Check):
    """A route to nowhere stands in the router for every blocked address."""

    kind: Literal["blackholed"] = "blackholed"
    version: Literal[4, 6]
    addresses: tuple[Network, ...]

    def describe(self) -> str:
        """Name the addresses."""
        return tr("routes of packets to {addresses} end in a blackhole", addresses=some(self.addresses))

    def reader(self) -> Reader[ProgramFact]:
        """List the routes."""
        return _listing(self.version)

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for each."""
        try:
            present = _present(fact)
        except Unplannable:
            return Judgement(None, tr("the routes could not be listed"))
        missing = [text for n in self.addresses if (text := address_text(n)) not in present]
        return Judgement(
            not missing,
            tr("missing: {missing}", missing=missing[0])
            if missing
            else tr("{count} routes", count=len(self.addresses)),
        )


def _change(block: Block, missing: Sequence[Network], before: ScheduledFact) -> RunCommands:
    everything = command("sh", "-c", "\n".join(c.script() for c in _lift(block)))
    renewed = "" if missing else tr(", for its full time again") if before.due else tr(", as another block does")
    return RunCommands(
        about=tr(
            "blackhole routes: drop packets to {dropped}{renewed}", dropped=some(block.dropped), renewed=renewed
        ),
        do=(expiry_timer.end(block, everything), *_lay(block, missing)),
        undo=(expiry_timer.undo(block, everything, (command("true"),) if before.due else (), before),),
        undo_about=tr("let them lapse when they would have") if before.due else tr("delete these routes"),
        expects=expiry_timer.expected(block, before),
        marked=True,
        diff=text_diff("ip route", [], [f"blackhole {address_text(n)}" for n in missing]),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _lay(block: Block, missing: Sequence[Network]) -> Iterator[Command]:
    """Yield commands to add missing routes and to register all routes: a route is removed with the last block."""
    for version in (4, 6):
        if held := _lines(block.dropped, version):
            routes = _lines(missing, version)
            yield run("lay_routes", str(version), expiry_timer.unit(block.label), held=held, routes=routes)


def _lift(block: Block) -> Iterator[Command]:
    for version in (4, 6):
        if lines := _lines(block.dropped, version):
            yield run("lift_routes", str(version), expiry_timer.unit(block.label), routes=lines)


def _lines(networks: Sequence[Network], version: int) -> str:
    return "".join(_route(n) for n in networks if n.version == version)


def _route(network: Network) -> str:
    """Return a route in the syntax of ip(8); without a metric, an IPv6 route would rank behind a static route."""
    return f"{network} protocol {PROTOCOL}{' metric 1' if network.version == 6 else ''}\n"


def _listing(version: int) -> Program:
    return routes(version, "type", "blackhole", "proto", PROTOCOL)


def _present(fact: ProgramFact | None) -> frozenset[str]:
    """Return the addresses with a blackhole route; raises Unplannable."""
    if fact is None or fact.status != 0:
        raise Unplannable(tr("ip cannot list the routes"))
    lines = [line.split() for line in fact.stdout.splitlines()]
    return frozenset(words[1] for words in lines if len(words) > 1 and words[0] == "blackhole")
