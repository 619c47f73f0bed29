"""The interface of a driver: the block, independent of the router, and the driver."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any, ClassVar, Literal

from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import (
    ABSENT,
    FileFact,
    ForwardingFact,
    GuestPortFact,
    InterfaceFact,
    LinkFact,
    LinksFact,
    NeighbourFact,
    ProgramFact,
    ProviderFact,
    Reader,
    RedundancyFact,
    RouteFact,
    ScheduledFact,
    ShownFact,
    SwitchFact,
    SystemFact,
    TranslationsFact,
    UnitFact,
    WritableFact,
)
from stopgap.orchestrator.host import Address, CheckVantage, Cli, Network, Scene
from stopgap.orchestrator.task import Facts, Planned
from stopgap.orchestrator.text import Text, tr
from stopgap.tasks.traffic.capabilities import Capabilities, Way
from stopgap.tasks.traffic.router import RouterFacts

FRESH = 0.9
"""Least fraction of the block's time left without a renewal."""
BESIDE = "beside_"
"""Prefix of the fields of DeviceFacts for a controller's own block beside another controller's."""
NOBODY = "nobody"
"""Owner of a block made by a controller without a name."""
NAMED = 4
"""Maximum of addresses named in a line."""

ROLLBACK_SECONDS = 60.0
"""Seconds of the rollback timer, for a block with the operator locked out."""


def address_text(network: Network) -> str:
    """Return a network as text; a network of a single address as an address."""
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def way_text(way: Way) -> Text:
    """Return a direction of packets, as seen from the blocked addresses, as a text."""
    return tr("from") if way == "from" else tr("to")


def some(networks: tuple[Network, ...]) -> str:
    """Name the first few networks; of the rest, how many."""
    named = ", ".join(address_text(n) for n in networks[:NAMED])
    return (
        tr("{named} and {count} more", named=named, count=len(networks) - NAMED) if len(networks) > NAMED else named
    )


def collapsed(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return overlapping or adjacent networks joined; IPv4 first."""
    return _collapsed(tuple(networks))


@lru_cache(maxsize=64)
def _collapsed(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    return (
        *collapse_addresses(n for n in networks if isinstance(n, IPv4Network)),
        *collapse_addresses(n for n in networks if isinstance(n, IPv6Network)),
    )


def in_order(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return the networks sorted, each once; IPv4 first."""
    return tuple(sorted(set(networks), key=lambda n: (n.version, int(n.network_address), n.prefixlen)))


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
    """Name of the block on the device: `[a-z0-9_]`, constant for a host or a list of addresses; with `-` and the
    controller's name if another controller's block has the label.
    """
    addresses: tuple[Network, ...]
    """Blocked networks: packets from and to these networks are dropped."""
    allowed: tuple[Network, ...]
    """Networks with an exception: may connect to the blocked networks, and get answers."""
    spare: tuple[Address, ...]
    """Destination of the web traffic, TCP 80 and 443: at most one address of each family; a family without a spare is
    dropped whole.
    """
    expires: timedelta
    directions: tuple[Way, ...] = ("from", "to")
    services: tuple[Service, ...] = ()
    """Stay open to everybody."""
    ports: tuple[Service, ...] = ()
    """Blocked ports; empty: all ports."""
    fresh: float = FRESH
    """Least fraction of `expires` left; below, the block is renewed for the full time."""
    behind: tuple[Network, ...] = ()
    """Private addresses of the blocked host behind NAT on the router: dropped too."""
    cards: tuple[str, ...] = ()
    """Link-layer addresses of the blocked host alone: frames are dropped for any IP address."""
    owner: str = NOBODY
    """The controller with the block."""
    persist: bool = False
    """True if the block survives a reboot of the router, until the expiry."""
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
        ways = (
            tr("both ways")
            if len(self.directions) == 2
            else tr("one way ({directions} it)", directions=way_text(self.directions[0]))
        )
        return tr("{ways}, at {ports} alone", ways=ways, ports=listed(self.ports)) if self.ports else ways

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
    """The block on the device, without times and counters: the state restored by an undo."""
    state: ProgramFact | None = None
    """The same with times and counters."""
    boot_end: FileFact = ABSENT
    """End of the block, as used after a reboot."""
    boot_script: FileFact = ABSENT
    """Files to load the block after a reboot: a script, the systemd unit, and the unit's link."""
    boot_unit: FileFact = ABSENT
    boot_link: FileFact = ABSENT
    boot_active: tuple[UnitFact, ...] = ()
    """The unit, as known to systemd."""
    boot_rule: FileFact = ABSENT
    """The rule of udev(7) that starts the unit once a port is made anew."""
    udev: tuple[UnitFact, ...] = ()
    """The unit of udev(7)."""
    boot_may: tuple[WritableFact, ...] = ()
    """Write access to the files."""
    file: FileFact | None = None
    """The file with the block, for a driver with a file."""
    rules6: ProgramFact | None = None
    """The IPv6 part of `rules`, on a device with separate tables."""
    tables4: ProgramFact | None = None
    tables6: ProgramFact | None = None
    """All iptables tables, for a driver with other `rules`."""
    policy4: ProgramFact | None = None
    policy6: ProgramFact | None = None
    """The routing rules, likewise."""
    main4: ProgramFact | None = None
    main6: ProgramFact | None = None
    """The routes of the main table."""
    flowtables: ProgramFact | None = None
    """Flow offloading of the router."""
    translations: TranslationsFact = TranslationsFact()
    """Address translations (NAT) of the router."""
    links: LinksFact = LinksFact()
    """Network devices of the router, with bridges and bridge ports."""
    guest_ports: tuple[GuestPortFact, ...] = ()
    """Ports of a hypervisor's guests, by configuration."""
    forwarding: tuple[ForwardingFact, ...] = ()
    """The forwarding table of a hypervisor's bridges."""
    rules_netdev: ProgramFact | None = None
    state_netdev: ProgramFact | None = None
    """The table of nft's netdev family, where `rules` is of the bridge family."""
    switches: tuple[SwitchFact, ...] = ()
    """The bridges of Open vSwitch on a hypervisor, with the block's flows."""
    scheduled: ScheduledFact = ScheduledFact()
    """The expiry timer on the device."""
    scheduled_flows: ScheduledFact = ScheduledFact()
    scheduled_links: ScheduledFact = ScheduledFact()
    """The expiry timers of flows of Open vSwitch, and of shut interfaces."""
    provider: ProviderFact | None = None
    """What a provider's program says of the block."""
    shown: ShownFact | None = None
    """The block on a device without a shell: the output of the show commands."""
    beside_rules: ProgramFact | None = None
    beside_state: ProgramFact | None = None
    beside_rules_netdev: ProgramFact | None = None
    beside_state_netdev: ProgramFact | None = None
    beside_boot_end: FileFact = ABSENT
    beside_boot_script: FileFact = ABSENT
    beside_boot_unit: FileFact = ABSENT
    beside_boot_link: FileFact = ABSENT
    beside_boot_rule: FileFact = ABSENT
    beside_boot_active: tuple[UnitFact, ...] = ()
    beside_boot_may: tuple[WritableFact, ...] = ()
    beside_file: FileFact | None = None
    beside_switches: tuple[SwitchFact, ...] = ()
    beside_scheduled: ScheduledFact = ScheduledFact()
    beside_scheduled_flows: ScheduledFact = ScheduledFact()
    beside_scheduled_links: ScheduledFact = ScheduledFact()
    """The fields of the controller's own block, if another controller's block has the usual label."""
    origin: Address | None = None
    """The operator's address, as seen by the router."""
    ways_to_target: tuple[RouteFact, ...] | None = None
    """Routes of the controller to the target, with source addresses."""
    claimed_origin: Address | None = None
    """The operator's address, as seen by the target: untrusted, and not waited for."""
    cards: tuple[LinkFact, ...] | None = None
    """The target's network cards, by the target's own word; None without an answer."""
    sends_by: tuple[Address, ...] | None = None
    """The target's gateways, by the target's own word."""
    routed_to_it: tuple[Network, ...] | None = None
    """Networks routed by the router to the blocked addresses as next hops."""
    redundancy: RedundancyFact | None = None
    """Shared addresses of the router and another router (VRRP, HSRP, CARP)."""
    controller: tuple[InterfaceFact, ...] | None = None
    """The controller's own addresses, to verify the origin claimed by the target."""
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
    """Name of the driver, as in the inventory's `driver`."""
    capabilities: ClassVar[Capabilities]
    cli: ClassVar[Cli | None] = None
    """The command line that the driver speaks; None: a shell."""
    programs: ClassVar[tuple[str, ...]] = ()
    """Programs required, or used if installed, on the device."""

    sudo_for: ClassVar[tuple[str, ...]] = ()
    """Programs that suffice, run as root by sudo(8), for a block and its undo; empty: root's shell is needed."""

    def at(self, scene: Scene) -> Driver:
        """Return the driver for this scene; raises Refused for missing inventory keys."""
        return self

    def cards_in_force(self, label: str, facts: DeviceFacts) -> tuple[str, ...]:
        """Return the link-layer addresses dropped now by the block of this label; empty without support for cards."""
        return ()

    def fits(self, router: RouterFacts) -> str:
        """Return why the driver fits a router that has none in the inventory; empty where the driver does not fit.

        Pure. `detection.ORDER` holds the order in which drivers are asked.
        """
        return ""

    @abstractmethod
    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the block of this label, by field of DeviceFacts."""

    def reads_of(self, block: Block) -> Mapping[str, Reader[Any]]:
        """Return further readers, for a driver whose facts depend on the block as far as known before any fact."""
        return {}

    def told(self, facts: DeviceFacts) -> Driver:
        """Return the driver with the capabilities that the device itself states."""
        return self

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
