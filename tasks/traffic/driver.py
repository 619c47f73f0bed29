"""The interface of a driver: the block, independent of the router, and the driver."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import (
    ABSENT,
    CardFact,
    FileFact,
    InterfaceFact,
    LinksFact,
    NeighbourFact,
    ProgramFact,
    Reader,
    RedundancyFact,
    RouteFact,
    ScheduledFact,
    ShownFact,
    SystemFact,
    TranslationsFact,
)
from stopgap.orchestrator.host import Address, CheckVantage, Network, Scene
from stopgap.orchestrator.task import Facts, Planned
from stopgap.tasks.traffic.capabilities import Capabilities, Way

FRESH = 0.9
"""The least part of its time that a block has left where nothing is to be done about it."""
BESIDE = "beside_"
"""Begins the fields of DeviceFacts that tell of a controller's own block beside another controller's."""
NOBODY = "nobody"
"""Owns a block that no controller with a name has made."""
NAMED = 4
"""Addresses that one line names."""

ROLLBACK_SECONDS = 60.0
"""Seconds after which a router takes a block back that has locked the operator out."""


def address_text(network: Network) -> str:
    """Return a network as text; a network of a single address as an address."""
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def some(networks: tuple[Network, ...]) -> str:
    """Name the first few networks; of the rest, how many."""
    named = ", ".join(address_text(n) for n in networks[:NAMED])
    return f"{named} and {len(networks) - NAMED} more" if len(networks) > NAMED else named


def collapsed(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return overlapping or adjacent networks joined; IPv4 first."""
    known = list(networks)
    return (
        *collapse_addresses(n for n in known if isinstance(n, IPv4Network)),
        *collapse_addresses(n for n in known if isinstance(n, IPv6Network)),
    )


def text_diff(name: str, before: list[str], after: list[str]) -> tuple[str, ...]:
    """Give the unified diff between two listings of a device."""
    absent = "" if before else "  (absent)"
    return tuple(difflib.unified_diff(before, after, f"{name}{absent}", name, lineterm=""))


@dataclass(frozen=True, order=True)
class Service:
    """A service of the blocked addresses."""

    protocol: Literal["tcp", "udp"]
    port: int


def listed(services: Iterable[Service]) -> str:
    """Return services as text, in a runbook's syntax."""
    return ", ".join(f"{s.protocol}/{s.port}" for s in services)


@dataclass(frozen=True)
class Block:
    """The wanted block, independent of the router. Networks are collapsed and sorted, IPv4 first."""

    label: str
    """Names the block on the device: `[a-z0-9_]`, the same for the same host or the same list of addresses; with `-`
    and the controller's name where another controller's block has that label."""
    addresses: tuple[Network, ...]
    """Nothing from or to them passes."""
    allowed: tuple[Network, ...]
    """May open connections to them all the same, and get answers."""
    spare: tuple[Address, ...]
    """Gets their web traffic, TCP 80 and 443: at most one of each family; a family without one is dropped whole."""
    expires: timedelta
    directions: tuple[Way, ...] = ("from", "to")
    services: tuple[Service, ...] = ()
    """Stay open to everybody."""
    ports: tuple[Service, ...] = ()
    """Only these are blocked; none: everything is."""
    fresh: float = FRESH
    """The least part of `expires` that has to be left of what is in force, or it is made for its full time again."""
    behind: tuple[Network, ...] = ()
    """What the addresses lead to by NAT on the router: dropped with them, as it is the host's own there."""
    cards: tuple[str, ...] = ()
    """Link-layer addresses that only the blocked host has: whatever they send is dropped, by whatever address."""
    owner: str = NOBODY
    """The controller that makes it."""
    persist: bool = False
    """It is to survive a reboot of the router, for as long as it lasts."""
    log: bool = False

    @property
    def dropped(self) -> tuple[Network, ...]:
        """Return every dropped address: requested addresses, and the private addresses behind NAT."""
        return collapsed((*self.addresses, *self.behind))

    @property
    def partial(self) -> bool:
        """Something of the addresses' traffic is meant to pass, by everybody."""
        return bool(self.services or self.ports) or len(self.directions) < 2

    @property
    def ways(self) -> str:
        """Return the directions and ports of dropped packets as text."""
        ways = "both ways" if len(self.directions) == 2 else f"one way ({self.directions[0]} it)"
        return f"{ways}, at {listed(self.ports)} alone" if self.ports else ways

    @property
    def left_open(self) -> str:
        """Return the services open to everybody, as text."""
        return listed(self.services)

    def spare_for(self, network: Network) -> Address | None:
        """Return the spare's address of the network's family; None without a spare."""
        return next((a for a in self.spare if a.version == network.version), None)


class DeviceFacts(Facts):
    """Facts of the router and of the paths to the router; the driver reads the fields from `rules` to `scheduled`."""

    system: SystemFact = SystemFact()
    rules: ProgramFact | None = None
    """The block as the device has it now, without times and counters: what an undo puts back."""
    state: ProgramFact | None = None
    """The same with times and counters."""
    boot_end: FileFact = ABSENT
    """When the block ends, as a reboot would find it."""
    boot_script: FileFact = ABSENT
    """What loads the block after a reboot: a script, the unit that runs it, and the link that has it started."""
    boot_unit: FileFact = ABSENT
    boot_link: FileFact = ABSENT
    file: FileFact | None = None
    """The file that holds the block, where the driver keeps it in one."""
    rules6: ProgramFact | None = None
    """The IPv6 part of `rules`, where a device keeps it apart."""
    tables4: ProgramFact | None = None
    tables6: ProgramFact | None = None
    """All that iptables holds, for a driver that reads something else into `rules`."""
    policy4: ProgramFact | None = None
    policy6: ProgramFact | None = None
    """The routing rules, likewise."""
    main4: ProgramFact | None = None
    main6: ProgramFact | None = None
    """The routes of the main table."""
    flowtables: ProgramFact | None = None
    """What carries established flows past the ruleset."""
    translations: TranslationsFact = TranslationsFact()
    """Which addresses the router translates (NAT)."""
    links: LinksFact = LinksFact()
    """Its network devices: which are bridges, and what is in them."""
    scheduled: ScheduledFact = ScheduledFact()
    """When the device itself lifts the block, where that was scheduled on it."""
    shown: ShownFact | None = None
    """The same, of a device without a shell: what its command line shows."""
    beside_rules: ProgramFact | None = None
    beside_state: ProgramFact | None = None
    beside_boot_end: FileFact = ABSENT
    beside_boot_script: FileFact = ABSENT
    beside_boot_unit: FileFact = ABSENT
    beside_boot_link: FileFact = ABSENT
    beside_file: FileFact | None = None
    beside_scheduled: ScheduledFact = ScheduledFact()
    """The same fields of the controller's own block, where another controller's has the usual label."""
    origin: Address | None = None
    """Whence the operator comes, as the router sees it."""
    ways_to_target: tuple[RouteFact, ...] | None = None
    """How the controller sends to the target, and from which address."""
    claimed_origin: Address | None = None
    """The same as `origin`, as the target says; it may lie, and where it is slow nobody waits for it."""
    cards: tuple[CardFact, ...] | None = None
    """The target's network cards, by its own word; None where it did not say."""
    sends_by: tuple[Address, ...] | None = None
    """The gateways that the target sends by, by its own word."""
    routed_to_it: tuple[Network, ...] | None = None
    """Networks that the router sends to the blocked addresses, as next hops."""
    redundancy: RedundancyFact | None = None
    """Whether the router shares addresses with another one."""
    controller: tuple[InterfaceFact, ...] | None = None
    """The controller's own addresses, which a claim may be held against."""
    interfaces: tuple[InterfaceFact, ...] = ()
    gateways: tuple[Address, ...] = ()
    neighbours: tuple[NeighbourFact, ...] = ()
    routes: tuple[RouteFact, ...] = ()

    def beside(self) -> DeviceFacts:
        """Return the facts of this controller's own block, in place of the facts of the block with the usual
        label.
        """
        read = [name for name in self.model_fields_set if name.startswith(BESIDE)]
        return self.model_copy(update={name.removeprefix(BESIDE): getattr(self, name) for name in read})


class Driver(ABC):
    """A driver: blocks packets on one kind of router. Pure, like a task."""

    name: ClassVar[str]
    """As the inventory's `driver` names it."""
    capabilities: ClassVar[Capabilities]
    programs: ClassVar[tuple[str, ...]] = ()
    """What it needs, or can use, on the device."""

    def at(self, scene: Scene) -> Driver:
        """Return the driver for this scene; raises Refused for missing inventory keys."""
        return self

    def cards_in_force(self, label: str, facts: DeviceFacts) -> tuple[str, ...]:
        """Return the link-layer addresses dropped now by the block of this label; empty without support for cards."""
        return ()

    @abstractmethod
    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the block of this label, by field of DeviceFacts."""

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if any part of the block is on the device, changed or not; True if unknown."""
        return True

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the controller recorded as maker of the block; empty if unrecorded, None without a block."""
        return None

    def reads_to_persist(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return additional readers for a block persistent over reboots, by field of DeviceFacts."""
        return {}

    @abstractmethod
    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the change still needed, with notes and gaps; raises Unplannable."""

    @abstractmethod
    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield checks on the device; `vantage` is the place of the check."""
