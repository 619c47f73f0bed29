"""Facts by which the driver of a router is found out, where the inventory names none."""

from __future__ import annotations

from stopgap.orchestrator.facts import BRIDGES, InterfaceFact, LinksFact, ProgramFact, RouteFact, SystemFact
from stopgap.orchestrator.host import Address
from stopgap.orchestrator.task import Facts

PROGRAMS = ("nft", "iptables-save", "ip6tables-save", "ipset", "ip", "fw4", "vtysh", "birdc")
"""Programs whose presence tells what a router is, and what it can drop packets with."""


class RouterFacts(Facts):
    """What a router is, and how the hosts to block are reached from it; an unreadable fact is empty."""

    system: SystemFact = SystemFact()
    tables: ProgramFact = ProgramFact(status=-1)
    """`nft list tables`."""
    links: LinksFact = LinksFact()
    """Network devices, with bridges and their ports."""
    gateways: tuple[Address, ...] = ()
    interfaces: tuple[InterfaceFact, ...] = ()
    routes: tuple[RouteFact, ...] = ()
    """Routes to the addresses to block."""
    guest: str = ""
    """The guest of the machine's own with the addresses to block, by its tools or by the inventory's `guest`."""

    def has(self, *programs: str) -> bool:
        """Return True if all the programs are installed."""
        return set(programs) <= set(self.system.programs)

    @property
    def is_root(self) -> bool:
        """Return True if the account may change the packet filter."""
        return self.system.uid == 0

    @property
    def routes_packets(self) -> bool:
        """Return False only if the kernel certainly forwards no packet of other hosts."""
        return not (self.links.forwards4 is False and self.links.forwards6 is not True)

    @property
    def guests_bridge(self) -> str:
        """Return the bridge with the hosts to block and the way out; empty on a machine that routes their packets.

        A machine without an address beside the hosts reaches the hosts by its own gateway: then any bridge of guests.
        """
        guests = {link.bridge for link in self.links.links if link.bridge and link.kind in {"tun", "veth"}}
        if any(route.gateway in self.gateways for route in self.routes if route.gateway):
            return next((bridge for bridge in sorted(guests) if len(self.links.ports(bridge)) > 1), "")
        for route in self.routes:
            link = self.links.of(route.device)
            if link is None or link.kind not in BRIDGES or route.gateway or route.local:
                continue
            nets = [i.address.network for i in self.interfaces if i.device == link.device]
            out = any(net.version == g.version and g in net for net in nets for g in self.gateways)
            if out or not self.routes_packets:
                return link.device
        return ""

    @property
    def nft_works(self) -> bool:
        """Return True if nft(8) lists tables, or is installed and needs root to do so."""
        return self.has("nft") and (self.tables.status == 0 or not self.is_root)

    @property
    def other_tables(self) -> tuple[str, ...]:
        """Return the tables of nftables on the router, without Stopgap's own."""
        words = (line.split() for line in self.tables.stdout.splitlines() if self.tables.status == 0)
        found = (" ".join(w[1:3]) for w in words if len(w) == 3 and w[0] == "table")
        return tuple(name for name in found if not name.split()[1].startswith("stopgap_"))
