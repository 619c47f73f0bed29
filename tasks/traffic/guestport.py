"""The guestport driver: a guest's own port on its hypervisor drops all frames, towards neighbours too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from stopgap.orchestrator.change import RunCommands
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Forwarding, Guests, Links, ProgramFact, Reader
from stopgap.orchestrator.host import CheckVantage, Host, Scene
from stopgap.orchestrator.task import Gap, Note, Planned, Refused, Unlimited, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, Driver, collapsed, some
from stopgap.tasks.traffic.guest.counters import PortDropping, guest_state_reader, time_of_ports
from stopgap.tasks.traffic.guest.peers import Peers, peers
from stopgap.tasks.traffic.guest.port import family, find
from stopgap.tasks.traffic.guest.ruleset import Parting, cards_in_force, parting_ruleset, peers_in_force
from stopgap.tasks.traffic.listings import NFT_STATELESS
from stopgap.tasks.traffic.ownership import change_of, expectation, maker
from stopgap.tasks.traffic.router import RouterFacts
from stopgap.tasks.traffic.ruleset import difference, same, table_of, unmarked
from stopgap.tasks.traffic.table import load, look, put_back

_FAMILIES = ("bridge", "netdev")


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
    )
    programs: ClassVar[tuple[str, ...]] = ("nft",)

    def __init__(self, target: Host | None = None, on: str = "") -> None:
        self._target = target
        self._on = on

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
        return Guestport(scene.target, scene.on.name)

    def fits(self, router: RouterFacts) -> str:
        """Return the reason on a hypervisor whose bridge joins the hosts to block with the way out."""
        bridge = router.guests_bridge
        return (
            tr("its bridge {bridge} joins the host with the way out, and nft works there", bridge=bridge)
            if (bridge and router.nft_works)
            else ""
        )

    def reads(self, label: str) -> Mapping[str, Reader[Any]]:
        """Return readers for the guests, the bridges, and the table in either family."""
        table = table_of(label)
        return {
            "guest_ports": Guests(),
            "forwarding": Forwarding(),
            "links": Links(),
            "rules": NFT_STATELESS.asked("table", "bridge", table),
            "state": guest_state_reader("bridge", table),
            "rules_netdev": NFT_STATELESS.asked("table", "netdev", table),
            "state_netdev": guest_state_reader("netdev", table),
        }

    def owner(self, label: str, facts: DeviceFacts) -> str | None:
        """Return the owner recorded in the table."""
        listed = _in_force(facts)[1]
        if not listed:
            return None
        made = maker(listed)
        return made[0] if made else ""

    def stands(self, block: Block, facts: DeviceFacts) -> bool:
        """Return True if a table is present."""
        return bool(_in_force(facts)[1])

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the table to load, unless in force already; raises Refused for an uplink, or Unplannable."""
        if "nft" not in facts.system.programs:
            raise Unplannable(tr("nft is not installed there"))
        kind, before = _in_force(facts)
        parting = self._parting(block, facts)
        wanted = parting_ruleset(block, parting)
        left = _time_left(block, parting, facts) if same(unmarked(before), wanted) else None
        if left is None:
            yield _load(block, parting, before if kind == parting.family else "", wanted)
        else:
            yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=left)
        yield from self._gaps(parting)
        if kind and kind != parting.family:
            yield Note(
                text=tr(
                    "table {kind} {label} of an earlier port stays until its time is over",
                    kind=kind,
                    label=table_of(block.label),
                )
            )

    def checks(self, block: Block, facts: DeviceFacts, vantage: CheckVantage) -> Iterator[Check]:
        """Yield a check of drops and counters at the ports."""
        parting = self._parting(block, facts)
        yield PortDropping(
            vantage=vantage, family=parting.family, table=table_of(block.label), ports=parting.guest.ports
        )

    def _parting(self, block: Block, facts: DeviceFacts) -> Parting:
        if self._target is None:
            raise Unplannable(tr("no guest to cut off"))
        listed = _in_force(facts)[1]
        guest = find(block.dropped, self._target, facts, cards_in_force(listed), self._on)
        own = collapsed((*block.dropped, *guest.own))
        found, known = peers(guest, own, block.allowed, facts), peers_in_force(listed)
        if known.cards:  # a silent router leaves the neighbour table
            addresses = {*found.addresses, *known.addresses}
            found = Peers(
                cards=tuple(sorted({*found.cards, *known.cards})),
                addresses=tuple(sorted(addresses, key=lambda a: (a.version, int(a)))),
                shared=found.shared,
            )
        return Parting(family=family(guest, facts), guest=guest, peers=found, own=own)

    def _gaps(self, parting: Parting) -> Iterator[Planned]:
        guest = parting.guest
        if guest.beside:
            yield Gap(
                text=tr(
                    "{guest} has interfaces past the hypervisor's network ({beside}), which are not cut off",
                    guest=guest.name,
                    beside=", ".join(guest.beside),
                ),
                at_best="partly",
            )
        if not parting.peers.cards:
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
        where = tr("its link-layer address drops on") if parting.family == "bridge" else tr("the port is open")
        yield Note(
            text=tr(
                "if {guest} gets a port of another name (power cycle, migration), {where} until the block is "
                "made anew; `stopgap status` tells",
                guest=guest.name,
                where=where,
            )
        )


def _in_force(facts: DeviceFacts) -> tuple[str, str]:
    """Return the family and the listing of the table in force; empty without a table. Raises Unplannable."""
    for kind, listed in zip(_FAMILIES, (facts.rules, facts.rules_netdev), strict=True):
        if listed is None:
            continue
        if listed.status == 0:
            return kind, listed.stdout
        if "No such file or directory" not in listed.stderr and kind == "bridge":
            reason = next(iter(listed.stderr.splitlines()), tr("no reason given"))
            raise Unplannable(tr("nft cannot list the ruleset: {reason}", reason=reason))
    return "", ""


def _time_left(block: Block, parting: Parting, facts: DeviceFacts) -> timedelta | None:
    """Return the time left to the block; None if a renewal is needed."""
    state: ProgramFact | None = facts.state if parting.family == "bridge" else facts.state_netdev
    if state is None or state.status != 0:
        return None
    try:
        left = time_of_ports(state.stdout)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    shortest = min(left.get(port, timedelta()) for port in parting.guest.ports)
    return shortest if shortest >= block.expires * block.fresh else None


def _load(block: Block, parting: Parting, before: str, wanted: str) -> RunCommands:
    kind, replaced = parting.family, change_of(before)
    table = f"table {kind} {table_of(block.label)}"
    return RunCommands(
        about=_about(block, parting, renewed=bool(before) and same(unmarked(before), wanted)),
        do=(load(block, wanted, replaced, kind),),
        undo=(put_back(block, before, replaced, kind),),
        undo_about=tr("put back {table} as it was", table=table) if before else tr("delete {table}", table=table),
        expects=expectation(look(block, kind), replaced),
        marked=True,
        diff=difference(unmarked(before), wanted, block.label, kind),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _about(block: Block, parting: Parting, *, renewed: bool) -> str:
    guest = parting.guest
    parts: list[str] = [
        tr(
            "drop all frames of {guest} at {ports} ({cards})",
            guest=guest.name,
            ports=", ".join(guest.ports),
            cards=", ".join(guest.cards),
        )
    ]
    parts += [tr("allow {allowed}", allowed=some(block.allowed))] if block.allowed else []
    parts += [tr("for its full time again")] if renewed else []
    return tr(
        "table {family} {label}: {parts}",
        family=parting.family,
        label=table_of(block.label),
        parts=joined(", ", parts),
    )
