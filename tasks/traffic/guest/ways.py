"""The way in which each port of a guest is cut off: by rules, by flows of Open vSwitch, or by its link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopgap.orchestrator.facts import BRIDGES, GuestPortFact, SwitchFact
from stopgap.orchestrator.task import Refused
from stopgap.orchestrator.text import Text, tr
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.guest.port import Guest

_PASSES_RULES = frozenset({"macvtap", "macvlan", "ipvlan", "ipvtap"})
"""Kinds of devices (ip-link(8)) with frames past every chain of the port."""
_LINK_TOOLS = frozenset({"virsh", "pve"})
"""Tools that take a virtual card's link down."""


@dataclass(frozen=True)
class Function:
    """A virtual function of a card (SR-IOV)."""

    device: str
    """The physical function."""
    number: int
    link_address: str
    state: str
    """`auto`, `enable` or `disable` (ip-link(8))."""


@dataclass(frozen=True)
class Ways:
    """The ports and interfaces of a guest, each under the way in which it is cut off."""

    ruled: tuple[str, ...] = ()
    """Ports of which nft's rules see all frames."""
    switched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ports by their bridge of Open vSwitch, where flows of Stopgap's own decide."""
    functions: tuple[Function, ...] = ()
    linked: tuple[GuestPortFact, ...] = ()
    """Interfaces of which the hypervisor's tool takes the link down, since nothing else sees their frames."""
    beside: tuple[str, ...] = ()
    """Link-layer addresses that nothing of the hypervisor's cuts off."""

    @property
    def spares(self) -> bool:
        """Return True if an operator still gets in: rules and flows have exceptions, a link has none."""
        return bool(self.ruled or self.switched)


def ways(guest: Guest, facts: DeviceFacts, on: str) -> Ways:
    """Return the way of each port of the guest; raises Refused for a port that nothing there cuts off."""
    ruled, switched, linked = list[str](), dict[str, tuple[str, ...]](), list[GuestPortFact]()
    held = {port.device: port for port in guest.held if port.device}
    for device in guest.ports:
        switch = switch_of(device, facts)
        if switch and switch.plain:
            switched[switch.bridge] = (*switched.get(switch.bridge, ()), device)
            if read_by_the_kernel(device, switch, facts) and "nft" in facts.system.programs:
                ruled.append(device)
        elif not (reason := _unseen(device, switch, facts, on)):
            ruled.append(device)
        elif device in held and held[device].tool in _LINK_TOOLS:
            linked.append(held[device])
        else:
            raise Refused(reason)
    functions = tuple(found for card in guest.beside if (found := _function(card, facts)))
    known = {each.link_address for each in functions}
    past = [port for port in guest.held if not port.device and port.link_address not in known]
    linked += [port for port in past if port.tool in _LINK_TOOLS and not port.passed_through]
    return Ways(
        ruled=tuple(ruled),
        switched=switched,
        functions=functions,
        linked=tuple(linked),
        beside=tuple(sorted({p.link_address for p in past} - {p.link_address for p in linked})),
    )


def read_by_the_kernel(device: str, switch: SwitchFact, facts: DeviceFacts) -> bool:
    """Return True for a device that the userspace datapath reads by a packet socket: the kernel reads the frames too.

    The kernel answers ARP at such a device for every address of the host, and takes what is then sent to the device.
    """
    return switch.userspace and facts.links.of(device) is not None


def switch_of(device: str, facts: DeviceFacts) -> SwitchFact | None:
    """Return the bridge of Open vSwitch with the port."""
    return next((switch for switch in facts.switches if switch.port(device)), None)


def _unseen(device: str, switch: SwitchFact | None, facts: DeviceFacts, on: str) -> Text | None:
    """Return why nft's rules do not see all frames of the port; None if they do."""
    link = facts.links.of(device)
    if (switch and switch.userspace) or _of_no_known_switch(device, switch, facts):
        owner = tr("its flows are another program's") if switch and not switch.plain else tr("its flows are unknown")
        return tr(
            "{device} of {host} is a port of Open vSwitch's userspace datapath, and no rule of the kernel sees its "
            "frames; {owner}: block by that program, or at the router above",
            device=device,
            host=on,
            owner=owner,
        )
    if link and link.kind in _PASSES_RULES:
        return tr(
            "{device} of {host} is a {kind}: no rule of the hypervisor sees all of its frames; take its "
            "link down by the hypervisor's own tool, or block at the router above",
            device=device,
            host=on,
            kind=link.kind,
        )
    if "nft" not in facts.system.programs:
        return tr("nft is not installed on {host}, which drops the frames of {device}", host=on, device=device)
    return None


def _of_no_known_switch(device: str, switch: SwitchFact | None, facts: DeviceFacts) -> bool:
    link = facts.links.of(device)
    bridged = link is not None and link.bridge
    return not switch and not bridged and any(p.tool == "ovs" and p.device == device for p in facts.guest_ports)


def _function(card: str, facts: DeviceFacts) -> Function | None:
    """Return the virtual function with the link-layer address, unless several have it."""
    found = [
        Function(link.device, each.number, card, each.state)
        for link in facts.links.links
        for each in link.functions
        if each.link_address == card
    ]
    return found[0] if len(found) == 1 else None


def family(ports: tuple[str, ...], facts: DeviceFacts) -> str:
    """Return nft's family for the ports: `bridge` for ports of Linux bridges, otherwise `netdev` (nft(8))."""
    links = [facts.links.of(port) for port in ports]
    bridges = [facts.links.of(link.bridge) if link and link.bridge else None for link in links]
    return "bridge" if all(bridge and bridge.kind == BRIDGES[0] for bridge in bridges) else "netdev"
