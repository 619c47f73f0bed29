"""The guestport driver: a guest's own port on its hypervisor drops all frames, towards neighbours too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, ClassVar

from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Forwarding, Guests, Links, Reader, SwitchFact
from stopgap.orchestrator.host import CheckVantage, Host, Network, Scene
from stopgap.orchestrator.task import Gap, Note, Planned, Refused, Unlimited, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.after_boot import loader_readers, port_readers
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import Block, DeviceFacts, Driver, collapsed, some
from stopgap.tasks.traffic.guest import other_cards, shut, switched, tables
from stopgap.tasks.traffic.guest.other_cards import NoOtherCard
from stopgap.tasks.traffic.guest.peers import Peers, peers
from stopgap.tasks.traffic.guest.port import Guest, find
from stopgap.tasks.traffic.guest.ruleset import Parting, cards_in_force, peers_in_force
from stopgap.tasks.traffic.guest.ways import Ways, family, ways
from stopgap.tasks.traffic.other_addresses import tells
from stopgap.tasks.traffic.router import RouterFacts


class Guestport(Driver):
    """nft(8) from 0.9.3 on, on a hypervisor or container host; for ports of no Linux bridge 1.0.1, and Linux 5.16."""

    name: ClassVar[str] = "guestport"
    capabilities: ClassVar[Capabilities] = Capabilities(
        expiry="device",
        exception=True,
        answers_alone=True,
        commit_confirm=True,
        local=True,
        cards=True,
        by_port=True,
        persist=True,
    )
    programs: ClassVar[tuple[str, ...]] = ("nft", "ovs-ofctl", "virsh", "qm")

    def __init__(self, target: Host | None = None, on: str = "", *, told: bool = False) -> None:
        self._target = target
        self._on = on
        self._told = told
        """The guest itself is asked for its cards."""

    def at(self, scene: Scene) -> Driver:
        """Take the guest's name from the inventory; raises Refused for a target on the hypervisor itself."""
        if scene.target.name == scene.on.name:
            raise Refused(
                tr(
                    "{host}: `driver: guestport` cuts a guest off, and needs the guest as target, with "
                    "`upstream: {host}`",
                    host=scene.on.name,
                )
            )
        return Guestport(scene.target, scene.on.name, told=tells(scene))

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a hypervisor or container host: the host to block is its guest.

        Such a machine may route packets of its guests, as container hosts do; otherwise its bridge joins the guests
        with the way out.
        """
        if not router.nft_works:
            return ""
        if router.guest:
            return tr("the host is its guest {guest}, and nft works there", guest=router.guest)
        bridge = router.guests_bridge
        return (
            tr("its bridge {bridge} joins the host with the way out, and nft works there", bridge=bridge)
            if bridge
            else ""
        )

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the guests, the bridges, and the block in each of its forms."""
        return {
            "guest_ports": Guests(),
            "forwarding": Forwarding(),
            "links": Links(),
            **tables.reads(label),
            **switched.reads(label),
            **shut.reads(label),
        }

    def reads_to_persist(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the files used to load the table after a reboot."""
        return {**loader_readers(label), **port_readers(label)}

    def told(self, facts: DeviceFacts) -> Driver:
        """Return the driver without exceptions for a guest of which the link alone can be taken down."""
        try:
            spares = self._cut(facts, ())[1].spares
        except (Refused, Unplannable):  # `plan` says so
            return self
        if spares:
            return self
        blunt = self.capabilities.model_copy(
            update={"exception": False, "answers_alone": False, "expiry": "scheduled"}
        )
        kind: type[Guestport] = type("Guestport", (Guestport,), {"capabilities": blunt})
        return kind(self._target, self._on, told=self._told)

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded with the block."""
        found = (tables.owner(facts), switched.owner(facts), shut.owner(facts))
        return next((each for each in found if each is not None), None)

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if a table, a flow, or a timer for a shut interface is present."""
        return bool(tables.in_force(facts)[1]) or switched.stands(facts) or shut.owner(facts) is not None

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield table, flows and shut interfaces, unless in force already.

        Raises Refused for an uplink, or Unplannable.
        """
        parting, found = self._parting(block, facts)
        for of, switches in self._switched(parting, found, facts):
            yield from switched.plan(block, of, switches, facts)
        if found.ruled:
            yield from tables.plan(block, _of(parting, found.ruled), facts)
        if block.persist and (found.switched or found.functions):
            yield Gap(
                text=tr(
                    "{host} keeps neither flows of Open vSwitch nor the state of a virtual function over its reboot",
                    host=self._on,
                ),
                at_best=Unlimited(why=tr("the hypervisor drops until then")),
            )
        yield from shut.plan(block, found, facts)
        yield from self._gaps(parting, found)
        if self._target and self._told:
            yield from other_cards.gaps(self._target.name, _cut_off(parting.guest), facts.cards or ())

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield a check of drops and counters of each form."""
        parting, found = self._parting(block, facts)
        if found.ruled:
            yield from tables.checks(block, _of(parting, found.ruled), vantage)
        for of, switches in self._switched(parting, found, facts):
            for switch in switches:
                yield from switched.checks(block, of, switch, vantage)
        yield from shut.checks(found, vantage)
        if self._target and self._told:
            yield NoOtherCard(containment=True, patience=0.0, target=self._target.name, cut=_cut_off(parting.guest))

    def _switched(
        self, parting: Parting, found: Ways, facts: DeviceFacts
    ) -> Iterator[tuple[Parting, tuple[SwitchFact, ...]]]:
        """Yield the ports on bridges of Open vSwitch, with these bridges, if there are any."""
        if found.switched:
            ports = tuple(sorted(port for ports in found.switched.values() for port in ports))
            switches = tuple(switch for switch in facts.switches if switch.bridge in found.switched)
            yield replace(parting, guest=replace(parting.guest, ports=ports)), switches

    def _cut(self, facts: DeviceFacts, dropped: tuple[Network, ...]) -> tuple[Guest, Ways]:
        if self._target is None:
            raise Unplannable(tr("no guest to cut off"))
        listed = tables.in_force(facts)[1]
        known = (*cards_in_force(listed), *switched.cards_in_force(facts))
        guest = find(dropped or self._addresses(), self._target, facts, known, self._on)
        return guest, ways(guest, facts, self._on)

    def _addresses(self) -> tuple[Network, ...]:
        target = self._target
        return tuple(ip_network(address) for address in target.known_addresses) if target else ()

    def _parting(self, block: Block, facts: DeviceFacts) -> tuple[Parting, Ways]:
        guest, chosen = self._cut(facts, block.dropped)
        own = collapsed((*block.dropped, *guest.own))
        found, known = peers(guest, own, block.allowed, facts), peers_in_force(tables.in_force(facts)[1])
        if known.cards:  # a silent router leaves the neighbour table
            addresses = {*found.addresses, *known.addresses}
            found = Peers(
                cards=tuple(sorted({*found.cards, *known.cards})),
                addresses=tuple(sorted(addresses, key=lambda a: (a.version, int(a)))),
                shared=found.shared,
            )
        kind = family(chosen.ruled, facts)
        return Parting(family=kind, guest=guest, peers=found, own=own), chosen

    def _gaps(self, parting: Parting, found: Ways) -> Iterator[Planned]:
        guest = parting.guest
        if found.beside:
            yield Gap(
                text=tr(
                    "{guest} has interfaces past the hypervisor's network ({beside}), which are not cut off",
                    guest=guest.name,
                    beside=", ".join(found.beside),
                ),
                at_best="partly",
            )
        if found.spares and not parting.peers.cards:
            yield Gap(
                text=tr(
                    "{host} does not know the router of {guest}'s segment: frames with an allowed address, ARP "
                    "and neighbour discovery pass to and from every neighbour",
                    host=self._on,
                    guest=guest.name,
                ),
                at_best="partly",
            )
        if guest.elsewhere:
            yield Gap(
                text=tr(
                    "a frame from {guest}'s link-layer address came by {elsewhere}: a neighbour may use the address",
                    guest=guest.name,
                    elsewhere=", ".join(guest.elsewhere),
                ),
                at_best=Unlimited(why=tr("the port is named by the inventory, or dropped already")),
            )
        if guest.by_neighbours_alone:
            yield Note(
                text=tr(
                    "{own} is taken for {guest} by the neighbour table, which a guest can forge: the target's "
                    "`guest` in the inventory would make it certain",
                    own=some(parting.own),
                    guest=guest.name,
                )
            )
        if found.spares:
            where = (
                tr("the port is open")
                if found.ruled and parting.family == "netdev"
                else tr("its link-layer address drops on")
            )
            yield Note(
                text=tr(
                    "if {guest} gets a port of another name (power cycle, migration), {where} until the block is "
                    "made anew; `stopgap status` tells",
                    guest=guest.name,
                    where=where,
                )
            )


def _cut_off(guest: Guest) -> tuple[str, ...]:
    """Return the link-layer addresses of the guest's interfaces, those without a port included."""
    return (*guest.cards, *guest.beside)


def _of(parting: Parting, ports: tuple[str, ...]) -> Parting:
    return replace(parting, guest=replace(parting.guest, ports=ports))
