"""The driver `acme-prohibit`: `prohibit` routes (ip-route(8)), so that senders are told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.change import RunCommands, command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import ANY, Program, ProgramFact, Reader, ReadOnly
from stopgap.orchestrator.host import CheckVantage, Network
from stopgap.orchestrator.task import Planned, Unplannable
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, Driver, address_text, some

PROTOCOL = "84"
"""Marks the routes that are this driver's (rtm_protocol)."""


class Prohibit(Driver):
    """ip(8), with `prohibit` routes: destination-only, for everybody, until they are undone."""

    name: ClassVar[str] = "acme-prohibit"
    capabilities: ClassVar[Capabilities] = Capabilities(directions=("to",), local=True, commit_confirm=True)
    programs: ClassVar[tuple[str, ...]] = ("ip",)

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """List the routes of both families."""
        return {"rules": _listing(4), "rules6": _listing(6)}

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Add the routes that are not there."""
        present = _present(facts.rules) | _present(facts.rules6)
        if missing := tuple(network for network in block.dropped if address_text(network) not in present):
            yield RunCommands(
                about=f"prohibit routes: refuse packets to {some(missing)}",
                do=tuple(command("ip", "route", "add", *_route(network)) for network in missing),
                undo=tuple(command("sh", "-c", f"ip route del {' '.join(_route(n))} || :") for n in missing),
                undo_about="delete these routes",
                rollback_timer=ROLLBACK_SECONDS,
            )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """See that the routes are there."""
        for version in (4, 6):
            if networks := tuple(network for network in block.dropped if network.version == version):
                yield Prohibited(vantage=vantage, version=version, addresses=networks)


class Prohibited(Check):
    """A `prohibit` route stands in the router for every blocked address."""

    kind: Literal["acme-prohibited"] = "acme-prohibited"
    version: Literal[4, 6]
    addresses: tuple[Network, ...]

    def describe(self) -> str:
        """Name the addresses."""
        return f"routes of packets to {some(self.addresses)} are prohibited"

    def reader(self) -> Reader[ProgramFact]:
        """List the routes."""
        return _listing(self.version)

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for each address."""
        try:
            present = _present(fact)
        except Unplannable:
            return Judgement(None, "the routes could not be listed")
        missing = [text for network in self.addresses if (text := address_text(network)) not in present]
        return Judgement(not missing, f"missing: {missing[0]}" if missing else f"{len(self.addresses)} routes")


def _listing(version: int) -> Program:
    words = ("ip", f"-{version}", "route", "show")
    listing = ReadOnly(words, more=ANY, because="ip-route(8): `show` lists the routes")
    return listing.asked("type", "prohibit", "proto", PROTOCOL)


def _route(network: Network) -> tuple[str, ...]:
    return ("prohibit", str(network), "protocol", PROTOCOL)


def _present(fact: ProgramFact | None) -> frozenset[str]:
    if fact is None or fact.status != 0:
        raise Unplannable("ip cannot list the routes")
    lines = [line.split() for line in fact.stdout.splitlines()]
    return frozenset(words[1] for words in lines if len(words) > 1 and words[0] == "prohibit")
