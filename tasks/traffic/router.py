"""Facts by which the driver of a router is found out, where the inventory names none."""

from __future__ import annotations

from stopgap.orchestrator.facts import LinksFact, ProgramFact, RouteFact, SystemFact
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
    routes: tuple[RouteFact, ...] = ()
    """Routes to the addresses to block."""

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
    def nft_works(self) -> bool:
        """Return True if nft(8) lists tables, or is installed and needs root to do so."""
        return self.has("nft") and (self.tables.status == 0 or not self.is_root)

    @property
    def other_tables(self) -> tuple[str, ...]:
        """Return the tables of nftables on the router, without Stopgap's own."""
        words = (line.split() for line in self.tables.stdout.splitlines() if self.tables.status == 0)
        found = (" ".join(w[1:3]) for w in words if len(w) == 3 and w[0] == "table")
        return tuple(name for name in found if not name.split()[1].startswith("stopgap_"))
