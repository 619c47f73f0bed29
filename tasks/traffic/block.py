"""traffic.block: cut a host off at the router above it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import ClassVar, Literal

from pydantic import Field

from orchestrator.check import Check, Port
from orchestrator.facts import DeviceOrigin, Gateways, Interfaces, Neighbours, Routes, SshOrigin, System
from orchestrator.host import Address, Eye, Host, Network, Scene, Vantage
from orchestrator.task import At, Note, Parameters, Planned, Probe, Refused, Task
from tasks.traffic.capabilities import refuse_beyond, shortfalls
from tasks.traffic.cli import CLI_DRIVERS
from tasks.traffic.driver import Block, DeviceFacts, Driver, address_text
from tasks.traffic.flowspec import Flowspec
from tasks.traffic.frr import Frr
from tasks.traffic.guards import guard
from tasks.traffic.nftables import Nftables
from tasks.traffic.operators import doubts, operators
from tasks.traffic.segment import gaps, neighbours_to_ask, shares_segment

DRIVERS: dict[str, Driver] = {driver.name: driver for driver in (Nftables(), Frr(), Flowspec(), *CLI_DRIVERS)}
"""By the name that the inventory's `driver` uses."""

SAMPLED = 8
"""Blocked networks that are knocked on from outside; a longer list is sampled evenly."""


class Params(Parameters):
    """What to cut off, from whom, for how long."""

    addresses: tuple[Network, ...] | None = Field(
        default=None,
        min_length=1,
        description="Addresses and networks to block. Default: all `addresses` of the target.",
    )
    allow: tuple[Network, ...] = Field(
        default=(),
        description="Addresses and networks that may still reach them. The operator's own is always added.",
    )
    expires: timedelta = Field(
        default=timedelta(hours=72),
        ge=timedelta(seconds=1),
        le=timedelta(days=365),
        description="How long the router keeps it up, from a second to a year; then it lapses by itself.",
    )
    web_to: Literal["spare", "drop"] | None = Field(
        default=None,
        description="Where web traffic to them (TCP 80 and 443) goes: `spare`, or `drop`, which is nowhere. "
        "Default: `spare` where the target has one. UDP 443 is dropped either way.",
    )


class BlockTraffic(Task[Params, DeviceFacts]):
    """Drop a host's packets at the router above it.

    Both directions, IPv4 and IPv6, established flows too; the operator still reaches the host, and visitors of
    its web site reach the spare. On the router itself: `on: target`, with explicit addresses.
    """

    name = "traffic.block"
    contains = True
    vantages: ClassVar[tuple[Vantage, ...]] = ("upstream", "target")

    def appendix(self) -> Iterator[str]:
        """List the drivers with what each can do."""
        yield "Drivers (`driver` of the router in the inventory):"
        for driver in DRIVERS.values():
            yield f"  {driver.name}: {driver.capabilities.describe()}"

    def foresee(self, params: Params, scene: Scene) -> None:
        """Refuse what the router's driver cannot do."""
        _refuse_beyond(_driver(scene), params, _block(params, DeviceFacts(), scene))

    def probe(self, params: Params, scene: Scene) -> Probe:
        """Read the router's table, its links, and whence the operator comes."""
        if scene.on.cli is not None:
            return {
                "origin": DeviceOrigin(),
                "claimed_origin": At("target", SshOrigin()),
                "controller": At("controller", Interfaces()),
                **_driver(scene).reads(_label(params, scene)),
            }
        driver = DRIVERS.get(scene.on.driver or "")
        sampled = tuple(_one_of(network) for network in _sample(_asked(params, scene)))
        return {
            "system": System(driver.programs if driver else ()),
            "origin": SshOrigin(),
            "claimed_origin": At("target", SshOrigin()),
            "controller": At("controller", Interfaces()),
            "interfaces": Interfaces(),
            "gateways": Gateways(),
            "neighbours": Neighbours(),
            "routes": Routes((*sampled, *neighbours_to_ask(scene))),
            **(driver.reads(_label(params, scene)) if driver else {}),
        }

    def plan(self, params: Params, facts: DeviceFacts, scene: Scene) -> Iterator[Planned]:
        """Refuse what must not be blocked; else let the driver make the change."""
        driver, block = _driver(scene), _block(params, facts, scene)
        _refuse_beyond(driver, params, block)
        guard(block, params.allow, facts, scene)
        yield from driver.plan(block, facts)
        yield from shortfalls(driver, block)
        yield from doubts(facts, scene, allowed=_holds(params.allow, facts.claimed_origin))
        yield from gaps(block, facts, scene)
        if len(block.addresses) > SAMPLED:
            yield Note(text=f"{SAMPLED} of {len(block.addresses)} blocked networks are knocked on from outside")

    def checks(self, params: Params, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
        """Knock from outside, look at the router's counters and flows, and see that the operator gets in."""
        driver, block = _driver(scene), _block(params, facts, scene)
        for eye in _eyes_outside(driver, block, facts, scene):
            for network in _sample(block.addresses):
                for port in (22, 25) if block.spare_for(network) else (22, 25, 80, 443):
                    yield Port(eye=eye, containment=True, address=_one_of(network), port=port, expect="silent")
        on_upstream = scene.upstream is not None and scene.upstream.name == scene.on.name
        yield from driver.checks(block, facts, "upstream" if on_upstream else "target")
        if driver.capabilities.exception:
            yield from _way_in(block, facts, scene)


def _refuse_beyond(driver: Driver, params: Params, block: Block) -> None:
    refuse_beyond(driver, block, allowing=bool(params.allow), diverting=params.web_to == "spare")


def _driver(scene: Scene) -> Driver:
    router = scene.on
    known = ", ".join(DRIVERS)
    if router.driver is None:
        raise Refused(
            f"nothing says how {router.name} drops packets: give it a `driver` in the inventory ({known}), "
            "or the target an `upstream` that has one"
        )
    if router.driver not in DRIVERS:
        raise Refused(f"{router.name}: no driver is called {router.driver}; known: {known}")
    driver = DRIVERS[router.driver]
    if (driver in CLI_DRIVERS) != (router.cli is not None):
        needs = "needs a `cli`" if router.cli is None else f"needs a shell, and `cli: {router.cli}` has none"
        raise Refused(f"{router.name}: `driver: {driver.name}` {needs}")
    return driver.at(scene)


def _asked(params: Params, scene: Scene) -> tuple[Network, ...]:
    """Give the networks to block, collapsed and sorted."""
    if params.addresses is not None:
        return _collapsed(params.addresses)
    target = scene.target
    try:
        return _collapsed(ip_network(a) for a in target.addresses or (ip_address(target.address),))
    except ValueError:
        return ()


def _label(params: Params, scene: Scene) -> str:
    """Name the block: after the target, or after explicit addresses, so that two blocks do not replace each other."""
    if params.addresses is None:
        plain = re.sub(r"[^a-z0-9_]", "_", scene.target.name)[:40]
        return plain if plain == scene.target.name else f"{plain}_{_short_hash(scene.target.name)}"
    networks = [address_text(network) for network in _asked(params, scene)]
    first = re.sub(r"[^a-z0-9]", "_", networks[0])
    rest = len(networks) - 1
    return f"{first}_and_{rest}_{_short_hash(' '.join(networks))}" if rest else first


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _block(params: Params, facts: DeviceFacts, scene: Scene) -> Block:
    addresses = _asked(params, scene)
    if not addresses:
        raise Refused(f"{scene.target.name} has no `addresses` in the inventory, and the step names none to block")
    if params.web_to == "spare" and not (scene.spare and scene.spare.addresses):
        raise Refused(f"{scene.target.name} has no `spare` with `addresses` to send its web traffic to")
    divert = params.web_to != "drop" and _driver(scene).capabilities.divert
    return Block(
        label=_label(params, scene),
        addresses=addresses,
        allowed=_collapsed((*(ip_network(a) for a in operators(facts, scene)), *params.allow)),
        spare=_one_a_family(scene.spare.addresses, addresses) if scene.spare and divert else (),
        expires=params.expires,
    )


def _one_a_family(spare: tuple[Address, ...], blocked: tuple[Network, ...]) -> tuple[Address, ...]:
    """Give the first address of each family in which something is blocked."""
    firsts = (next((a for a in spare if a.version == version), None) for version in (4, 6))
    return tuple(a for a in firsts if a and any(n.version == a.version for n in blocked))


def _collapsed(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Join what overlaps or adjoins; IPv4 first."""
    known = list(networks)
    return (
        *collapse_addresses(n for n in known if isinstance(n, IPv4Network)),
        *collapse_addresses(n for n in known if isinstance(n, IPv6Network)),
    )


def _sample(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    step = max(1, -(-len(networks) // SAMPLED))
    return networks[::step]


def _one_of(network: Network) -> Address:
    """Give an address of the network that a host may have."""
    return network[0] if network.num_addresses <= 2 else network[1]


def _eyes_outside(driver: Driver, block: Block, facts: DeviceFacts, scene: Scene) -> tuple[Eye, ...]:
    """Give the eyes whose packets to the blocked addresses meet what drops them, and are not let through.

    Where there is none, the `outside` that the inventory lacks is named, so that the verdict says what is missing.
    """
    outside = scene.outside and not any(_reaches(host, block, facts) for host in scene.outside)
    at_hand = driver.capabilities.where == "device" and scene.on.cli is None
    spare = at_hand and scene.spare is not None and not _reaches(scene.spare, block, facts)
    eyes: tuple[Eye, ...] = (*(("outside",) if outside else ()), *(("spare",) if spare else ()))
    return eyes or ("outside",)


def _reaches(host: Host, block: Block, facts: DeviceFacts) -> bool:
    return shares_segment(host, block, facts) or any(_holds(block.allowed, a) for a in host.addresses)


def _holds(networks: Iterable[Network], address: Address | None) -> bool:
    return address is not None and any(address.version == n.version and address in n for n in networks)


def _way_in(block: Block, facts: DeviceFacts, scene: Scene) -> Iterator[Check]:
    """See that the operator still reaches a target that was within reach before, where no jump host is needed."""
    target = scene.target
    if facts.claimed_origin is None or target.jump or target.connection != "ssh" or target.name == scene.on.name:
        return
    try:
        address = ip_address(target.address)
    except ValueError:
        return
    if _holds(block.addresses, address):
        yield Port(eye="controller", address=address, port=target.port, expect="open")
