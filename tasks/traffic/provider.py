"""The exec driver: a provider's own program blocks, by the protocol of docs/drivers.md.

The program says what it would change and what it can do; nothing that it says raises a verdict. Stopgap refuses what
would cut others off, and undoes only what the program has left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.change import ProviderChange
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Provider, ProviderFact, ProviderStatus, Reader
from stopgap.orchestrator.host import CheckVantage, Host, Network, Scene
from stopgap.orchestrator.provider_script import (
    ProviderBlock,
    ProviderPort,
    ProviderRequest,
    ProviderTarget,
    StatusAnswer,
    canonical,
)
from stopgap.orchestrator.task import Gap, Note, Planned, Refused, Unlimited, Unplannable
from stopgap.orchestrator.text import joined, moment_text, tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver, Service, some
from stopgap.tasks.traffic.segment import within

_DEADLINE = 60
_LATER = 1.1
"""How much longer than asked for a provider may keep a block that it ends itself: some end them by the hour."""


class Exec(Driver):
    """A program on this machine that speaks to the provider: `connection: exec`, with `exec` and `env`."""

    name: ClassVar[str] = "exec"
    capabilities: ClassVar[Capabilities] = Capabilities(
        expiry="none",
        exception=True,
        services=True,
        one_way=True,
        less=tr("what the program says it can do is asked before the plan, and the plan is held against it"),
    )

    def __init__(self, scene: Scene | None = None) -> None:
        self._scene = scene

    def at(self, scene: Scene) -> Driver:
        """Take the program from the inventory; raises Refused without one."""
        if scene.on.connection != "exec" or not scene.on.exec:
            raise Refused(
                tr("{host}: `driver: exec` needs `connection: exec` and a program in `exec`", host=scene.on.name)
            )
        return Exec(scene)

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return nothing: what is asked depends on the block, see `reads_of`."""
        return {}

    def reads_of(self, block: Block) -> Mapping[str, Reader[Any]]:
        """Return the reader that asks the provider's program for a plan of the block."""
        return {"provider": Provider(_request(block, self._target))} if self._scene else {}

    def told(self, facts: DeviceFacts) -> Driver:
        """Return the driver with the capabilities that the program states."""
        if facts.provider is None:
            return self
        can = facts.provider.probe.capabilities
        stated = Capabilities(
            directions=can.directions,
            one_way=can.one_way,
            ipv6=can.ipv6,
            established=can.established,
            expiry=can.expiry,
            exception=can.exception,
            answers_alone=can.answers_alone,
            services=can.services,
            local=True,
            by_port=can.by_port,
        )
        kind: type[Exec] = type("Exec", (Exec,), {"capabilities": stated})
        return kind(self._scene)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if the provider shows the wanted state, or the state is unknown."""
        said = facts.provider
        return said is None or canonical(said.status.state) == canonical(said.plan.wanted)

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the provider's change, gaps and notes; raises Refused for a change that concerns other hosts."""
        said = facts.provider
        if said is None:
            raise Unplannable(tr("the provider's program was not asked"))
        self._refuse_others(said)
        if unasked := [n for n in block.allowed if n not in said.request.block.allowed]:
            yield Note(
                text=tr("{hosts} is not let through by the provider: name it in `allow`", hosts=some(tuple(unasked)))
            )
        request = said.request.model_copy(update={"before": said.plan.before, "wanted": said.plan.wanted})
        if canonical(said.plan.before) != canonical(said.plan.wanted):
            yield ProviderChange(
                about=_about(said, block),
                request=request,
                diff=tuple(line for line in said.plan.diff),
                undo_about=tr("put back what {driver} showed before", driver=said.probe.driver),
                lasts=block.expires.total_seconds() if said.probe.capabilities.expiry == "device" else None,
            )
        elif said.status.until is not None:
            left = max(said.status.until - datetime.now(UTC), timedelta())
            yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=left)
        else:
            yield Note(text=tr("in force until it is undone"))
        allowed = said.request.block.allowed
        if allowed and not said.probe.capabilities.answers_alone:
            yield Gap(
                text=tr("the blocked host may itself open connections to {allowed}", allowed=some(allowed)),
                at_best="partly",
            )
        for gap in said.plan.gaps:
            unlimited = Unlimited(why=tr("the provider's program names it, and sets no limit"))
            yield Gap(text=gap.text, at_best=gap.at_best or unlimited)
        yield from (Note(text=note[:400]) for note in said.plan.notes)

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield a check that the provider shows the wanted state."""
        if said := facts.provider:
            request = said.request.model_copy(update={"before": said.plan.before, "wanted": said.plan.wanted})
            yield ProviderShows(
                vantage=vantage,
                driver=said.probe.driver,
                request=request,
                ends_itself=said.probe.capabilities.expiry == "device",
            )

    @property
    def _target(self) -> Host:
        if self._scene is None:
            raise Unplannable(tr("no target"))
        return self._scene.target

    def _refuse_others(self, said: ProviderFact) -> None:
        """Raise Refused for an interface of the provider with addresses of others, or shared by several servers."""
        if self._scene is None or not said.probe.ids:
            raise Unplannable(
                tr(
                    "{provider}'s program does not know {host}: set `guest` to its id there",
                    provider=self._on,
                    host=self._target.name,
                )
            )
        mine = tuple(ip_network(address) for address in self._target.known_addresses)
        for each in said.probe.ids:
            if each.shared:
                raise Refused(tr("{id} at the provider is shared: other servers would be cut off, too", id=each.id))
            for address in each.addresses:
                if within(address, self._scene.on.never_block):
                    raise Refused(
                        tr(
                            "{address} goes by {id}, and `never_block` of {provider} has it",
                            address=address,
                            id=each.id,
                            provider=self._on,
                        )
                    )
                if not (within(address, mine) or within(address, self._scene.on.may_block)):
                    raise Refused(
                        tr(
                            "{address} goes by {id} too, and is outside what {provider} may block: its owner can add "
                            "it to `may_block`",
                            address=address,
                            id=each.id,
                            provider=self._on,
                        )
                    )

    @property
    def _on(self) -> str:
        return self._scene.on.name if self._scene else tr("the provider")


class ProviderShows(Check):
    """The provider shows the state that the block wants; what the provider says raises no verdict."""

    kind: Literal["provider-shows"] = "provider-shows"
    driver: str
    request: ProviderRequest
    ends_itself: bool = False
    """The program says that the provider ends the block (`"expiry": "device"`)."""

    def describe(self) -> str:
        """Name the provider's driver."""
        return tr("{driver} shows the block", driver=self.driver)

    def reader(self) -> Reader[StatusAnswer]:
        """Ask for the state."""
        return ProviderStatus(self.request.model_copy(update={"op": "status"}))

    def judge(self, fact: StatusAnswer) -> Judgement:
        """Compare snapshots."""
        if canonical(fact.state) != canonical(self.request.wanted):
            return Judgement(False, tr("it shows another state"))
        if fact.pending:
            return Judgement(False, tr("it is not in force everywhere yet"))
        if self.ends_itself and fact.until is None:
            return Judgement(False, tr("it tells no end, though it is said to end the block itself"))
        latest = datetime.now(UTC) + timedelta(seconds=self.request.block.seconds) * _LATER
        if self.ends_itself and fact.until is not None and fact.until > latest:
            return Judgement(False, tr("it ends the block only at {until}", until=moment_text(fact.until)))
        if fact.dropped is None:
            return Judgement(True, tr("all there"))
        return Judgement(True, tr("{count} packets dropped", count=fact.dropped))


def _request(block: Block, target: Host) -> ProviderRequest:
    return ProviderRequest(
        op="plan",
        label=block.label,
        deadline=_DEADLINE,
        target=ProviderTarget(name=target.name, addresses=target.known_addresses, guest=target.guest),
        block=ProviderBlock(
            addresses=block.addresses,
            allowed=block.allowed,
            directions=block.directions,
            services=_ports(block.services),
            ports=_ports(block.ports),
            seconds=int(block.expires.total_seconds()),
        ),
    )


def _ports(services: tuple[Service, ...]) -> tuple[ProviderPort, ...]:
    return tuple(ProviderPort(protocol=service.protocol, port=service.port) for service in services)


def _about(said: ProviderFact, block: Block) -> str:
    ids = ", ".join(each.id for each in said.probe.ids[:4])
    what = tr("drop {hosts} at {ids}", hosts=some(block.addresses), ids=ids)
    allowed = said.request.block.allowed
    parts = [what, *([tr("allow {allowed}", allowed=some(allowed))] if allowed else [])]
    return tr("{driver}: {what}", driver=said.probe.driver, what=joined(", ", parts))


def lets_in(facts: DeviceFacts) -> bool:
    """Return False if a provider's program was asked before the operator's address was known."""
    return facts.provider is None or (
        facts.claimed_origin is not None and within(facts.claimed_origin, facts.provider.request.block.allowed)
    )


def at_the_provider(facts: DeviceFacts) -> tuple[Network, ...]:
    """Return every address that goes by what a provider's program changes."""
    ids = facts.provider.probe.ids if facts.provider else ()
    return tuple(ip_network(address) for each in ids for address in each.addresses)
