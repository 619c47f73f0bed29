"""traffic.block: drop a host's packets at the upstream router."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.facts import (
    DeviceOrigin,
    Gateways,
    Interfaces,
    Links,
    Neighbours,
    Reader,
    Routes,
    SshOrigin,
    System,
    Translations,
)
from stopgap.orchestrator.host import Address, CheckVantage, Cli, DriverFound, Network, Scene, Vantage
from stopgap.orchestrator.task import Note, Parameters, Planned, Probe, Refused, Standing, Task
from stopgap.orchestrator.task import Service as UsedService
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import detection, other_addresses, other_ways
from stopgap.tasks.traffic.bridged import refuse_bridged
from stopgap.tasks.traffic.driver import FRESH, NOBODY, Block, DeviceFacts, Driver, Service, address_text, collapsed
from stopgap.tasks.traffic.drivers import LINUX, driver_named, drivers
from stopgap.tasks.traffic.guards import guard, guard_by_inventory, guard_own_host
from stopgap.tasks.traffic.multi_upstream import is_left_to_others, left_to_others, share
from stopgap.tasks.traffic.operators import doubts, operators, reads_of_operators
from stopgap.tasks.traffic.own_addresses import own_notes, without_own
from stopgap.tasks.traffic.ownership import own_place, reads_beside
from stopgap.tasks.traffic.port_probes import (
    SAMPLED,
    holds,
    one_of,
    outbound,
    port_probes,
    sample,
    way_in,
)
from stopgap.tasks.traffic.provider import at_the_provider, lets_in
from stopgap.tasks.traffic.segment import gaps, neighbours_to_ask
from stopgap.tasks.traffic.selection import is_to_be_found, selected
from stopgap.tasks.traffic.shortfalls import refuse_beyond, shortfalls, visitors, with_due
from stopgap.tasks.traffic.whole_host import of_the_host, with_the_host

RENEWED = 2.0
"""What no block has left of its time, so that it is always made anew (`Block.fresh`)."""

_USED: Mapping[UsedService, frozenset[int]] = {"web": frozenset({80, 443}), "mail": frozenset({25})}
"""TCP ports of what people outside use."""
ServiceText: TypeAlias = Annotated[str, Field(pattern=r"^(tcp|udp)/([1-9][0-9]{0,4})$")]


class Params(Parameters):
    """Addresses to block, exceptions, and expiry."""

    addresses: tuple[Network, ...] | None = Field(
        default=None,
        min_length=1,
        description="Addresses and networks to block. Default: all `addresses` of the target.",
    )
    allow: tuple[Network, ...] = Field(
        default=(),
        description="Addresses and networks with an exception: these still reach the blocked addresses. The "
        "operator's own address is always added.",
    )
    expires: Duration = Field(
        default=timedelta(hours=72),
        ge=timedelta(seconds=1),
        le=timedelta(days=365),
        description="Time until the router ends the block by itself, from a second to a year.",
    )
    renew: bool = Field(
        default=False,
        description="Restart the time of a block in force. Default: only after a tenth of the time.",
    )
    direction: Literal["both", "from", "to"] = Field(
        default="both",
        description="Packets to drop: `from` the addresses, `to` the addresses, or `both`.",
    )
    allow_services: tuple[ServiceText, ...] = Field(
        default=(),
        description="Services of the addresses to leave open to everybody, such as `tcp/80`.",
    )
    ports: tuple[ServiceText, ...] = Field(
        default=(),
        description="Drop only packets to these ports, such as `tcp/25`. Default: all packets.",
    )
    log: bool = Field(
        default=False,
        description="Have the router log dropped packets, five a minute at most.",
    )
    persist: bool = Field(
        default=False,
        description="Keep the block over a reboot of the router, until the same end.",
    )
    max_prefix: int = Field(
        default=24,
        ge=0,
        le=32,
        description="The shortest IPv4 prefix to block; a wider network is refused, whatever `may_block` says.",
    )
    max_prefix6: int = Field(
        default=48,
        ge=0,
        le=128,
        description="The same for IPv6.",
    )
    web_to: Literal["spare", "drop"] | None = Field(
        default=None,
        description="Where web traffic to them (TCP 80 and 443) goes: `spare`, or `drop`, which is nowhere. "
        "Default: `spare` where the target has one. UDP 443 is dropped either way.",
    )
    if_one_fails: Literal["undo", "keep"] = Field(
        default="keep",
        description="Where the target has several upstreams, and one cannot be made to drop: `keep` what the others "
        "drop, and go on, or `undo` it, so that all drop or none.",
    )


class BlockTraffic(Task[Params, DeviceFacts]):
    """Drop a host's packets at the router above it.

    The block covers both directions, IPv4 and IPv6, and established flows; the operator still reaches the host, and
    web visitors reach the spare. With several upstreams, each router drops the addresses permitted by `may_block`. On
    the router itself: `on: target`, with explicit addresses.
    """

    name = "traffic.block"
    contains = True
    outage = True
    vantages: ClassVar[tuple[Vantage, ...]] = ("upstream", "target")

    def services_out(self, params: Params) -> tuple[UsedService, ...]:
        """Return web and mail, but what stays open to everybody, or is not among the dropped ports."""
        return tuple(name for name, ports in _USED.items() if _is_out(params, ports))

    def appendix(self) -> Iterator[str]:
        """Yield the drivers with their capabilities."""
        yield "Drivers (`driver` of the router in the inventory):"
        for driver in drivers().values():
            yield f"  {driver.name}: {driver.capabilities.describe()}"

    def drivers(self) -> tuple[str, ...]:
        """Give the names of all drivers."""
        return tuple(drivers())

    def router_reads(self, scene: Scene) -> Mapping[str, Reader[Any]]:
        """Return readers for what the router is, and for the routes to the target's addresses."""
        return detection.reads(scene.target.known_addresses[:SAMPLED])

    def driver_for(self, read: Mapping[str, Any], scene: Scene) -> DriverFound:
        """Return the first driver that fits the router; raises Refused where none does."""
        return detection.driver_for(read, scene)

    def driver_for_cli(self, cli: Cli, seen: str) -> DriverFound:
        """Return the driver that speaks the command line."""
        return detection.driver_for_cli(cli, seen)

    def sudo_for(self, driver: str) -> tuple[str, ...]:
        """Return the driver's programs that need root."""
        known = driver_named(driver)
        return known.sudo_for if known else ()

    def describe_driver(self, name: str) -> str:
        """Return the driver's capabilities."""
        driver = driver_named(name)
        return driver.capabilities.describe() if driver else ""

    def foresee(self, params: Params, scene: Scene) -> None:
        """Raise Refused for a block beyond the driver's capabilities, the owner's limits, or the guards."""
        if is_left_to_others(_whole(params, scene), scene):
            return
        _refuse_wide(_asked(params, scene), params)
        if is_to_be_found(scene):
            guard_by_inventory(_plain_block(params, scene), params.allow, DeviceFacts(), scene)
            return
        driver, block = selected(scene), _block(params, DeviceFacts(), scene)
        _refuse_beyond(driver, params, block)
        if driver.capabilities.trusted:
            guard_by_inventory(block, params.allow, DeviceFacts(), scene)

    def cuts_off(self, params: Params, scene: Scene) -> tuple[Network, ...]:
        """Return the blocked networks if the driver has no exception; a provider's drop does not affect the
        operator's path.
        """
        if is_to_be_found(scene):
            return ()
        can = selected(scene).capabilities
        return () if can.exception or can.where == "provider" else _asked(params, scene)

    def keeps_partial(self, params: Params) -> bool:
        """Return True if a router keeps the block after a failure of another upstream."""
        return params.if_one_fails == "keep"

    def probe(self, params: Params, scene: Scene) -> Probe:
        """Return readers for the router's ruleset, links, and the operator's origin."""
        if scene.found and scene.found.driver is None:
            return {}  # `plan` refuses it
        if not scene.on.has_shell:
            told = selected(scene)
            return {
                **({"origin": DeviceOrigin()} if scene.on.cli is not None else {}),
                **reads_of_operators(scene),
                **other_addresses.reads_of_cards(scene),
                **told.reads(_label(params, scene)),
                **told.reads_of(_block(params, DeviceFacts(), scene)),
            }
        driver = driver_named(scene.on.named_driver)
        sampled = tuple(one_of(network) for network in sample(_asked(params, scene)))
        return {
            "system": System(driver.programs if driver else ()),
            "origin": SshOrigin(),
            **reads_of_operators(scene),
            **other_addresses.reads_of_cards(scene),
            **other_ways.reads_of_other_ways(sampled, scene),
            "interfaces": Interfaces(),
            "gateways": Gateways(),
            "neighbours": Neighbours(sampled, gateways=driver is not None and driver.capabilities.by_port),
            "routes": Routes((*sampled, *neighbours_to_ask(scene))),
            **({"translations": Translations(), "links": Links()} if driver in LINUX else {}),
            **(driver.reads(_label(params, scene)) if driver else {}),
            **(driver.reads_to_persist(_label(params, scene)) if driver and params.persist else {}),
            **(reads_beside(driver, _label(params, scene), scene, persist=params.persist) if driver else {}),
        }

    def standing(self, params: Params, facts: DeviceFacts, scene: Scene) -> Standing | None:
        """Compare the device's block with the wanted block, ignoring the time left."""
        if is_left_to_others(_whole(params, scene), scene):
            return None
        driver, label, facts = _own(params, facts, scene)
        block = replace(_block(params, facts, scene, label=label, standing=True), fresh=0.0)
        planned = list(driver.plan(block, facts))
        changes = [item for item in planned if isinstance(item, Change)]
        if not changes:
            left = next((i.after for i in planned if isinstance(i, Note) and i.after is not None), None)
            return Standing(key=block.label, state="in-force", left=left)
        if not driver.stands(block, facts):
            return Standing(key=block.label, state="gone")
        lines = [line for change in changes for line in change.preview() if line[:1] in {"-", "+"}]
        differing = tuple(line for line in lines if not line.startswith(("---", "+++")))
        return Standing(key=block.label, state="changed", difference=differing)

    def plan(self, params: Params, facts: DeviceFacts, scene: Scene) -> Iterator[Planned]:
        """Raise Refused for addresses never to be blocked; otherwise yield the driver's changes and gaps."""
        whole = _whole(params, scene)
        yield from left_to_others(whole, scene)
        if is_left_to_others(whole, scene):
            return
        driver, label, facts = _own(params, facts, scene)
        block = _block(params, facts, scene, label=label)
        _refuse_beyond(driver, params, block)
        (guard if driver.capabilities.trusted else guard_own_host)(block, params.allow, facts, scene)
        _refuse_wide(block.addresses, params)
        if driver in LINUX:
            refuse_bridged(block, driver, facts, scene)
        yield from with_due(driver, block, driver.plan(block, facts))
        yield from own_notes(_asked(params, scene), facts, scene)
        yield from visitors(driver, scene, unsaid=params.web_to is None)
        if scene.found:
            yield Note(
                text=tr(
                    "takes the driver {driver} on {host}: {why}",
                    driver=driver.name,
                    host=scene.on.name,
                    why=scene.found.why,
                )
            )
        yield from shortfalls(driver, block)
        yield from doubts(facts, scene, allowed=holds(params.allow, facts.claimed_origin))
        host = (*whole, *block.behind, *at_the_provider(facts))
        if not driver.capabilities.by_port:
            yield from other_addresses.gaps(host, facts, scene)
            yield from other_ways.gaps(host, facts, scene)
            yield from gaps(block, facts, scene)
        if driver in LINUX:
            yield from of_the_host(block, driver, facts, scene)
        if len(block.addresses) > SAMPLED:
            yield Note(
                text=tr(
                    "{sampled} of {count} blocked networks are knocked on from outside",
                    sampled=SAMPLED,
                    count=len(block.addresses),
                )
            )

    def seen_from_outside(self, params: Params, scene: Scene) -> Iterator[Check]:
        """Yield port probes from outside, to detect traffic around an unreachable router."""
        if not is_left_to_others(_whole(params, scene), scene):
            facts = DeviceFacts()
            made = port_probes(selected(scene), _block(params, facts, scene), facts, scene)
            yield from (probe_port for probe_port in made if probe_port.vantage == "outside")

    def checks(self, params: Params, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
        """Yield port probes from outside, checks of counters and flows, and a check of the operator's access."""
        if is_left_to_others(_whole(params, scene), scene):
            return
        driver, label, facts = _own(params, facts, scene)
        block = _block(params, facts, scene, label=label)
        yield from port_probes(driver, block, facts, scene)
        yield from outbound(driver, block, facts, scene)
        on_upstream = scene.upstream is not None and scene.upstream.name == scene.on.name
        vantage: CheckVantage = "upstream" if on_upstream else "target"
        host = (*_whole(params, scene), *block.behind, *at_the_provider(facts))
        if not driver.capabilities.by_port:
            yield from other_addresses.looks(host, facts, scene, vantage, trusted=driver.capabilities.trusted)
        yield from driver.checks(block, facts, vantage)
        if driver.capabilities.exception and lets_in(facts):
            yield from way_in(block, facts, scene)


def _refuse_beyond(driver: Driver, params: Params, block: Block) -> None:
    refuse_beyond(driver, block, allowing=bool(params.allow), diverting=params.web_to == "spare")


def _no_addresses(scene: Scene) -> Refused:
    return Refused(
        tr("{target} has no `addresses` in the inventory, and the step names none to block", target=scene.target.name)
    )


def _plain_block(params: Params, scene: Scene) -> Block:
    """Return the addresses to block as a block, for guards that need no driver."""
    addresses = without_own(_asked(params, scene), DeviceFacts(), scene)
    if not addresses:
        raise _no_addresses(scene)
    return Block(_label(params, scene), addresses, collapsed(params.allow), (), params.expires)


def _asked(params: Params, scene: Scene) -> tuple[Network, ...]:
    """Return the networks to block on this router, collapsed and sorted."""
    return share(_whole(params, scene), scene)


def _whole(params: Params, scene: Scene) -> tuple[Network, ...]:
    """Give the networks to block, by whatever router."""
    if params.addresses is not None:
        return collapsed(params.addresses)
    target = scene.target
    try:
        return collapsed(ip_network(a) for a in target.addresses or (ip_address(target.address),))
    except ValueError:
        return ()


def _label(params: Params, scene: Scene) -> str:
    """Return the block's label: the target's name, or a hash of explicit addresses, so two blocks stay separate."""
    if params.addresses is None:
        plain = re.sub(r"[^a-z0-9_]", "_", scene.target.name)[:40]
        return plain if plain == scene.target.name else f"{plain}_{_short_hash(scene.target.name)}"
    networks = [address_text(network) for network in _whole(params, scene)]
    first = re.sub(r"[^a-z0-9]", "_", networks[0])
    rest = len(networks) - 1
    return f"{first}_and_{rest}_{_short_hash(' '.join(networks))}" if rest else first


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _own(params: Params, facts: DeviceFacts, scene: Scene) -> tuple[Driver, str, DeviceFacts]:
    """Return the driver, the label of this controller's block on the router, and the facts of the block."""
    driver = selected(scene).told(facts)
    return driver, *own_place(driver, _label(params, scene), facts, scene)


def _block(params: Params, facts: DeviceFacts, scene: Scene, *, label: str = "", standing: bool = False) -> Block:
    addresses = without_own(_asked(params, scene), facts, scene)
    if not addresses:
        raise _no_addresses(scene)
    if params.web_to == "spare" and not (scene.spare and scene.spare.addresses):
        raise Refused(
            tr("{target} has no `spare` with `addresses` to send its web traffic to", target=scene.target.name)
        )
    web_passes = any(s.protocol == "tcp" and s.port in (80, 443) for s in _services(params.allow_services))
    if params.web_to == "spare" and web_passes:
        raise Refused(tr("web traffic either stays open (`allow_services`) or goes to the spare (`web_to`)"))
    whole = params.direction == "both" and not params.ports and not web_passes
    driver = selected(scene)
    divert = params.web_to != "drop" and whole and driver.capabilities.divert
    block = Block(
        label=label or _label(params, scene),
        owner=scene.controller or NOBODY,
        addresses=addresses,
        allowed=collapsed((*(ip_network(a) for a in operators(facts, scene)), *params.allow)),
        spare=_one_a_family(scene.spare.addresses, addresses) if scene.spare and divert else (),
        expires=params.expires,
        fresh=RENEWED if params.renew else FRESH,
        directions=("from", "to") if params.direction == "both" else (params.direction,),
        services=_services(params.allow_services),
        ports=_services(params.ports),
        persist=params.persist,
        log=params.log,
    )
    return with_the_host(block, driver, facts, scene, standing=standing) if driver in LINUX else block


def _is_out(params: Params, ports: frozenset[int]) -> bool:
    passing = {service.port for service in _services(params.allow_services) if service.protocol == "tcp"}
    dropped = {service.port for service in _services(params.ports) if service.protocol == "tcp"}
    return not passing & ports and (not params.ports or bool(dropped & ports))


def _services(texts: Iterable[str]) -> tuple[Service, ...]:
    words = [text.partition("/") for text in texts]
    return tuple(sorted({Service("tcp" if word == "tcp" else "udp", int(port)) for word, _, port in words}))


def _refuse_wide(addresses: Iterable[Network], params: Params) -> None:
    for network in addresses:
        if network.prefixlen < (shortest := params.max_prefix if network.version == 4 else params.max_prefix6):
            raise Refused(
                tr(
                    "{network} is wider than a /{shortest}: name smaller networks, or change `max_prefix`",
                    network=network,
                    shortest=shortest,
                )
            )


def _one_a_family(spare: tuple[Address, ...], blocked: tuple[Network, ...]) -> tuple[Address, ...]:
    """Return the spare's first address for each family with blocked addresses."""
    firsts = (next((a for a in spare if a.version == version), None) for version in (4, 6))
    return tuple(a for a in firsts if a and any(n.version == a.version for n in blocked))
