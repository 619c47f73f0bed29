"""traffic.block: drop a host's packets at the upstream router."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.check import Check
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
from stopgap.orchestrator.host import CheckVantage, Cli, DriverFound, Network, Scene, Vantage
from stopgap.orchestrator.task import Note, Planned, Probe, Standing, Task
from stopgap.orchestrator.task import Service as UsedService
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic import detection, other_addresses, other_ways
from stopgap.tasks.traffic.asked_block import (
    Params,
    block_of,
    is_out,
    label_of,
    networks_asked,
    networks_here,
    own_facts,
    plain_block,
    refuse_wide,
)
from stopgap.tasks.traffic.bridged import refuse_bridged
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver
from stopgap.tasks.traffic.drivers import LINUX, driver_named, drivers
from stopgap.tasks.traffic.guards import guard, guard_by_inventory, guard_own_host
from stopgap.tasks.traffic.multi_upstream import is_left_to_others, left_to_others
from stopgap.tasks.traffic.operators import doubts, reads_of_operators
from stopgap.tasks.traffic.own_addresses import own_notes
from stopgap.tasks.traffic.ownership import reads_beside
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
from stopgap.tasks.traffic.whole_host import of_the_host

_USED: Mapping[UsedService, frozenset[int]] = {"web": frozenset({80, 443}), "mail": frozenset({25})}
"""TCP ports of what people outside use."""


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
        return tuple(name for name, ports in _USED.items() if is_out(params, ports))

    def appendix(self) -> Iterator[str]:
        """Yield the drivers with their capabilities."""
        yield "Drivers (`driver` of the router in the inventory):"
        for driver in drivers().values():
            yield f"  {driver.name}: {driver.capabilities.describe()}"

    def drivers(self) -> tuple[str, ...]:
        """Give the names of all drivers."""
        return tuple(drivers())

    def has_driver(self, name: str) -> bool:
        """Return True for the name of a driver; plug-ins are looked up for a name of no shipped driver."""
        return driver_named(name) is not None

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
        if is_left_to_others(networks_asked(params, scene), scene):
            return
        refuse_wide(params, scene)
        if is_to_be_found(scene):
            guard_by_inventory(plain_block(params, scene), params.allow, DeviceFacts(), scene)
            return
        driver, block = selected(scene), block_of(params, DeviceFacts(), scene)
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
        return () if can.exception or can.where == "provider" else networks_here(params, scene)

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
                **told.reads(label_of(params, scene)),
                **told.reads_of(block_of(params, DeviceFacts(), scene)),
            }
        driver = driver_named(scene.on.named_driver)
        sampled = tuple(one_of(network) for network in sample(networks_here(params, scene)))
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
            **(driver.reads(label_of(params, scene)) if driver else {}),
            **(driver.reads_to_persist(label_of(params, scene)) if driver and params.persist else {}),
            **(reads_beside(driver, label_of(params, scene), scene, persist=params.persist) if driver else {}),
        }

    def standing(self, params: Params, facts: DeviceFacts, scene: Scene) -> Standing | None:
        """Compare the device's block with the wanted block, ignoring the time left."""
        if is_left_to_others(networks_asked(params, scene), scene):
            return None
        driver, label, facts = own_facts(params, facts, scene)
        block = replace(block_of(params, facts, scene, label=label, standing=True), fresh=0.0)
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
        whole = networks_asked(params, scene)
        yield from left_to_others(whole, scene)
        if is_left_to_others(whole, scene):
            return
        driver, label, facts = own_facts(params, facts, scene)
        block = block_of(params, facts, scene, label=label)
        _refuse_beyond(driver, params, block)
        (guard if driver.capabilities.trusted else guard_own_host)(block, params.allow, facts, scene)
        refuse_wide(params, scene)
        if driver in LINUX:
            refuse_bridged(block, driver, facts, scene)
        yield from with_due(driver, block, driver.plan(block, facts))
        yield from own_notes(networks_here(params, scene), facts, scene)
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
        if not is_left_to_others(networks_asked(params, scene), scene):
            facts = DeviceFacts()
            made = port_probes(selected(scene), block_of(params, facts, scene), facts, scene)
            yield from (probe_port for probe_port in made if probe_port.vantage == "outside")

    def checks(self, params: Params, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
        """Yield port probes from outside, checks of counters and flows, and a check of the operator's access."""
        if is_left_to_others(networks_asked(params, scene), scene):
            return
        driver, label, facts = own_facts(params, facts, scene)
        block = block_of(params, facts, scene, label=label)
        yield from port_probes(driver, block, facts, scene)
        yield from outbound(driver, block, facts, scene)
        on_upstream = scene.upstream is not None and scene.upstream.name == scene.on.name
        vantage: CheckVantage = "upstream" if on_upstream else "target"
        host = (*networks_asked(params, scene), *block.behind, *at_the_provider(facts))
        if not driver.capabilities.by_port:
            yield from other_addresses.looks(host, facts, scene, vantage, trusted=driver.capabilities.trusted)
        yield from driver.checks(block, facts, vantage)
        if driver.capabilities.exception and lets_in(facts):
            yield from way_in(block, facts, scene)


def _refuse_beyond(driver: Driver, params: Params, block: Block) -> None:
    refuse_beyond(driver, block, allowing=bool(params.allow), diverting=params.web_to == "spare")
