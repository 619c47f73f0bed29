"""A guest's port on a hypervisor's bridge: cut off, nothing of the guest's passes but answers to the operator.

Network namespaces are the router with the world behind it, the hypervisor with its bridge, and two guests.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pytest
from proof_packets import frames
from proof_packets.frames import ACK, ARP, IPV4, IPV6, OTHER, QINQ, SYN, VLAN, arp, frame, mark, packet, tcp, udp

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.facts import Gateways, Interfaces, Neighbours, Reader, Routes
from stopgap.orchestrator.task import Gap, Planned, Refused
from stopgap.tasks.traffic.block import Params
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.guestport import Guestport

from .netns import Namespace
from .openvswitch import SwitchedNamespace, switching, whole_checksums
from .traffic import TASK, WITHOUT_SPARE, host

GUEST, NEAR, ROUTER = "52:54:00:00:00:10", "52:54:00:00:00:30", "52:54:00:00:00:01"
EVERYBODY = "ff:ff:ff:ff:ff:ff"
WIRES = """
set -e
for n in default all; do echo 0 >/proc/sys/net/ipv6/conf/$n/accept_dad; done
ip link add uplink type veth peer name eth0 netns {router}
ip link add tap0 type veth peer name eth0 address 52:54:00:00:00:10 netns {guest}
ip link add tap1 type veth peer name eth0 address 52:54:00:00:00:30 netns {near}
{join}
ip addr add 203.0.113.5/24 dev vmbr0
ip addr add 2001:db8:113::5/64 dev vmbr0 nodad
ip link set vmbr0 up
ip route add default via 203.0.113.1
ip route add ::/0 via 2001:db8:113::1
echo 0 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
"""
BRIDGED = """
ip link add vmbr0 type bridge forward_delay 0
for p in uplink tap0 tap1; do ip link set $p master vmbr0 up; done
"""
SWITCHED = "for p in uplink tap0 tap1; do ovs-vsctl add-port vmbr0 $p; ip link set $p up; done"
AT_HOME = """
set -e
for n in default all eth0; do echo 0 >/proc/sys/net/ipv6/conf/$n/accept_dad; done
ip addr add 203.0.113.{n}/24 dev eth0
ip addr add 2001:db8:113::{n}/64 dev eth0 nodad
ip link set eth0 up
"""
ROUTES = "ip route add default via 203.0.113.1; ip route add ::/0 via 2001:db8:113::1"
BEYOND = """
ip link set eth0 address 52:54:00:00:00:01
ip addr add 10.9.0.2/32 dev lo; ip addr add 198.51.100.2/32 dev lo
ip addr add fd00:9::2/128 dev lo nodad; ip addr add 2001:db8:100::2/128 dev lo nodad
echo 1 >/proc/sys/net/ipv4/ip_forward
"""
OPERATOR = ("10.9.0.2", "fd00:9::2")


@dataclass
class Hypervisor:
    """The hypervisor, its guests `web` (port tap0) and `near` (port tap1), and the router behind the uplink."""

    machine: Namespace
    router: Namespace
    guest: Namespace
    near: Namespace

    def facts(self) -> DeviceFacts:
        asked = (ip_address("203.0.113.10"), ip_address("2001:db8:113::10"))
        wanted: dict[str, Reader[Any]] = {
            **Guestport().reads("web"),
            "interfaces": Interfaces(),
            "gateways": Gateways(),
            "neighbours": Neighbours(asked, gateways=True),
            "routes": Routes(asked),
        }
        read = {field: self.machine.read(reader) for field, reader in wanted.items()}
        return DeviceFacts.model_validate(read | {"system": {"programs": ["nft"]}, "origin": "10.9.0.2"})

    def planned(self, guest: str | None = "tap0", *, expires: str = "PT1H") -> list[Planned]:
        """Plan the block as a run would."""
        target = host("web", "203.0.113.10", "2001:db8:113::10", upstream="edge", guest=guest)
        machine = host("edge", "10.9.0.1", driver="guestport", may_block=["203.0.113.0/24", "2001:db8:113::/64"])
        scene = WITHOUT_SPARE.model_copy(update={"target": target, "on": machine, "upstream": machine, "others": ()})
        params = Params.model_validate({"expires": expires, "allow": ["fd00:9::2"]})
        return list(TASK.plan(params, self.facts(), scene))

    def block(self, **words: str) -> list[Change]:
        changes = [item for item in self.planned(**words) if isinstance(item, Change)]
        for change in changes:
            self.machine.sh(change.do_script())
        return changes

    def lift(self, changes: Sequence[Change]) -> None:
        for change in reversed(changes):
            self.machine.sh(change.undo_script())

    def forget_neighbours(self) -> None:
        for each in (self.guest, self.router, self.machine):
            each.sh("ip neigh flush all")

    def passing(self, sender: Namespace, sent: Mapping[str, bytes], to: Sequence[Namespace] = ()) -> set[str]:
        """Send frames, and give the names of those that arrive anywhere else, or at those in `to`."""
        seers = [n for n in to or (self.router, self.near, self.guest, self.machine) if n is not sender]
        watching = []
        for seer in seers:
            sniffer = seer.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETH_P_ALL))
            sniffer.bind(("vmbr0" if seer is self.machine else "eth0", frames.ETH_P_ALL))
            watching.append(sniffer)
        if sender is not self.near:  # so that the bridge knows again where the neighbour is, whatever was sent before
            self.send(self.near, {"hello": frame(EVERYBODY, NEAR, OTHER, b"")})
        self.send(sender, sent)
        found = set().union(*(frames.arrived(sniffer, sent) for sniffer in watching))
        for sniffer in watching:
            sniffer.close()
        return found

    def all_pass(self, sender: Namespace, sent: Mapping[str, bytes]) -> bool:
        """Tell whether all frames arrive; a switch on a busy machine takes a while to know a rule or a port again."""
        return any(self.passing(sender, sent) == set(sent) for _ in range(10))

    def send(self, sender: Namespace, sent: Mapping[str, bytes]) -> None:
        with sender.socket(socket.AF_PACKET, socket.SOCK_RAW) as here:
            frames.send(here, "eth0", sent)

    def reaches(self, source: str, destination: str) -> bool:
        """Tell whether a connection comes about at all; a link just up, or a neighbour to be asked, takes a while."""
        return any(self.connects(source, destination) for _ in range(10))

    def connects(self, source: str, destination: str) -> bool:
        """Tell whether a connection from behind the router comes about within a second, and carries both ways."""
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        stream = (family, socket.SOCK_STREAM)
        with self.guest.socket(*stream) as server, self.router.socket(*stream) as us:
            server.bind((destination, 0))
            server.listen()
            server.settimeout(1)
            us.bind((source, 0))
            us.settimeout(1)
            try:
                us.connect((destination, server.getsockname()[1]))
                answering = server.accept()[0]
            except OSError:
                return False
            with answering:
                answering.settimeout(1)
                us.sendall(b"ask")
                if answering.recv(3) != b"ask":
                    return False
                answering.sendall(b"told")
                return us.recv(4) == b"told"


@pytest.fixture
def hypervisor() -> Iterator[Hypervisor]:
    with _wired(Namespace(), BRIDGED) as made:
        yield made


@pytest.fixture
def switched() -> Iterator[Hypervisor]:
    """The same on a bridge of Open vSwitch's userspace datapath, of which no rule of the kernel sees a frame."""
    machine = SwitchedNamespace()
    with switching(machine, "vmbr0"), _wired(machine, SWITCHED) as made:
        yield made


@contextmanager
def _wired(machine: Namespace, join: str) -> Iterator[Hypervisor]:
    made = Hypervisor(machine, *(Namespace() for _ in range(3)))
    try:
        ids = {"router": made.router, "guest": made.guest, "near": made.near}
        holders = {name: each.holder.pid for name, each in ids.items()}
        made.machine.sh(WIRES.format(join=join, **holders))
        made.router.sh(BEYOND)
        for each, number in ((made.router, "1"), (made.guest, "10"), (made.near, "30")):
            each.sh(AT_HOME.format(n=number))
        for each in (made.guest, made.near):
            each.sh(ROUTES)
        if join is SWITCHED:
            for each in (made.guest, made.near, made.router):
                whole_checksums(each, "eth0")
        assert made.reaches("10.9.0.2", "203.0.113.10")
        assert made.reaches("fd00:9::2", "2001:db8:113::10")
        yield made
    finally:
        for each in (made.guest, made.near, made.router, made.machine):
            each.end()


def named(**sent: bytes) -> dict[str, bytes]:
    return {name.replace("_", "-"): data for name, data in sent.items()}


def of_the_guest() -> dict[str, bytes]:
    """What an intruder with root on the guest may try."""
    own, own6, near, near6 = "203.0.113.10", "2001:db8:113::10", "203.0.113.30", "2001:db8:113::30"
    operator, operator6 = OPERATOR
    world = "198.51.100.2"

    def ip(to: str, near: str, far: str, content: tuple[int, bytes], *, by: str = GUEST, tag: int = 0) -> bytes:
        return frame(to, by, IPV6 if ":" in near else IPV4, packet(near, far, content), tag)

    def asked(to: str, operation: int, near: str, far: str, name: str) -> bytes:
        return frame(to, GUEST, ARP, arp(operation, GUEST, near, far, mark(name)))

    return named(
        to_the_neighbour=ip(NEAR, own, near, udp(mark("to-the-neighbour"))),
        to_the_neighbour_ipv6=ip(NEAR, own6, near6, udp(mark("to-the-neighbour-ipv6"))),
        to_the_world=ip(ROUTER, own, world, udp(mark("to-the-world"))),
        established_to_the_world=ip(ROUTER, own, world, tcp(ACK, mark("established-to-the-world"))),
        renumbered=ip(ROUTER, "203.0.113.77", world, udp(mark("renumbered"))),
        spoofed=ip(ROUTER, near, operator, tcp(ACK, mark("spoofed"))),
        by_another_card=ip(ROUTER, own, operator, tcp(ACK, mark("by-another-card")), by="52:54:00:00:00:99"),
        tagged=ip(ROUTER, own, operator, tcp(ACK, mark("tagged")), tag=VLAN),
        tagged_twice=ip(ROUTER, own, operator, tcp(ACK, mark("tagged-twice")), tag=QINQ),
        other_kind=frame(NEAR, GUEST, OTHER, mark("other-kind")),
        other_kind_to_all=frame(EVERYBODY, GUEST, OTHER, mark("other-kind-to-all")),
        neighbour_as_operator=ip(NEAR, own, operator, tcp(ACK, mark("neighbour-as-operator"))),
        opening_to_the_operator=ip(ROUTER, own, operator, tcp(SYN, mark("opening-to-the-operator"))),
        datagram_to_the_operator=ip(ROUTER, own, operator, udp(mark("datagram-to-the-operator"))),
        opening_to_the_operator_ipv6=ip(ROUTER, own6, operator6, tcp(SYN, mark("opening-to-the-operator-ipv6"))),
        asking_for_the_neighbour=asked(EVERYBODY, 1, own, near, "asking-for-the-neighbour"),
        telling_the_neighbour=asked(NEAR, 2, own, near, "telling-the-neighbour"),
        claiming_the_neighbour=asked(ROUTER, 2, near, "203.0.113.1", "claiming-the-neighbour"),
        advert_to_the_neighbour=ip(NEAR, own6, near6, frames.neighbour_advert(own6, mark("advert-to-the-neighbour"))),
        by_the_neighbours_card=ip(ROUTER, own, operator, tcp(ACK, mark("by-the-neighbours-card")), by=NEAR),
    )


def to_the_guest() -> dict[str, bytes]:
    """What somebody on the same segment may send to the guest."""
    own, own6 = "203.0.113.10", "2001:db8:113::10"

    def ip(source: str, content: tuple[int, bytes], *, tag: int = 0) -> bytes:
        six = ":" in source
        return frame(GUEST, NEAR, IPV6 if six else IPV4, packet(source, own6 if six else own, content), tag)

    return named(
        from_the_neighbour=ip("203.0.113.30", udp(mark("from-the-neighbour"))),
        from_the_neighbour_ipv6=ip("2001:db8:113::30", udp(mark("from-the-neighbour-ipv6"))),
        as_the_operator=ip(OPERATOR[0], tcp(ACK, mark("as-the-operator"))),
        tagged_as_the_operator=ip(OPERATOR[0], tcp(ACK, mark("tagged-as-the-operator")), tag=VLAN),
        arp_of_the_neighbour=frame(GUEST, NEAR, ARP, arp(1, NEAR, "203.0.113.30", own, mark("arp-of-the-neighbour"))),
        other_kind_from_beside=frame(EVERYBODY, NEAR, OTHER, mark("other-kind-from-beside")),
    )


def test_nothing_of_a_cut_guest_passes_whatever_it_claims_to_be(hypervisor: Hypervisor) -> None:
    outgoing, incoming = of_the_guest(), to_the_guest()
    assert hypervisor.all_pass(hypervisor.guest, outgoing)
    assert hypervisor.all_pass(hypervisor.near, incoming)
    before = hypervisor.machine.sh("nft -s list ruleset")
    hypervisor.forget_neighbours()
    assert hypervisor.reaches("10.9.0.2", "203.0.113.10")
    changes = hypervisor.block()
    assert hypervisor.passing(hypervisor.guest, outgoing) == set()
    assert hypervisor.passing(hypervisor.near, incoming, to=(hypervisor.guest,)) == set()
    hypervisor.lift(changes)
    assert hypervisor.machine.sh("nft -s list ruleset") == before
    assert hypervisor.all_pass(hypervisor.guest, outgoing)


def test_the_operator_still_gets_in_though_no_neighbour_entry_is_left(hypervisor: Hypervisor) -> None:
    changes = hypervisor.block()
    for source, destination in zip(OPERATOR, ("203.0.113.10", "2001:db8:113::10"), strict=True):
        hypervisor.forget_neighbours()
        assert hypervisor.reaches(source, destination)
    assert not hypervisor.connects("198.51.100.2", "203.0.113.10")
    assert not hypervisor.connects("2001:db8:100::2", "2001:db8:113::10")
    hypervisor.lift(changes)
    assert hypervisor.reaches("198.51.100.2", "203.0.113.10")


def test_the_port_made_anew_under_another_name_stays_cut_by_the_guests_own_card(hypervisor: Hypervisor) -> None:
    outgoing = of_the_guest()
    changes = hypervisor.block()
    rename = "ip link set {0} down; ip link set {0} name {1}; ip link set {1} up"
    hypervisor.machine.sh(rename.format("tap0", "tap7"))
    assert hypervisor.passing(hypervisor.guest, outgoing) == {"by-another-card", "by-the-neighbours-card"}
    hypervisor.machine.sh(rename.format("tap7", "tap0"))
    assert hypervisor.passing(hypervisor.guest, outgoing) == set()
    hypervisor.lift(changes)


def test_the_block_ends_in_the_kernel_when_its_time_is_over(hypervisor: Hypervisor) -> None:
    outgoing = of_the_guest()
    changes = hypervisor.block(expires="PT5S")
    assert hypervisor.passing(hypervisor.guest, outgoing) == set()
    hypervisor.machine.sh("while nft list set bridge stopgap_web ports | grep -q tap0; do sleep 0.1; done")
    assert hypervisor.all_pass(hypervisor.guest, outgoing)
    hypervisor.lift(changes)


def test_an_uplink_or_a_port_with_several_hosts_is_no_guests_port(hypervisor: Hypervisor) -> None:
    with pytest.raises(Refused, match="uplink of edge is an uplink"):
        hypervisor.planned("uplink")
    hypervisor.send(hypervisor.near, {"second": frame(EVERYBODY, "52:54:00:00:00:99", OTHER, b"")})
    with pytest.raises(Refused, match=r"port tap1 of edge shows 2 link-layer addresses, and none of 203\.0\.113\.10"):
        hypervisor.planned("tap1")


def test_a_hypervisor_that_does_not_know_the_router_says_what_passes(hypervisor: Hypervisor) -> None:
    hypervisor.machine.sh("ip addr flush dev vmbr0")
    hypervisor.forget_neighbours()
    gaps = [item for item in hypervisor.planned() if isinstance(item, Gap)]
    assert [gap.at_best for gap in gaps] == ["partly"]
    assert "does not know the router of tap0's segment" in gaps[0].text
    hypervisor.block()
    passing = hypervisor.passing(hypervisor.guest, of_the_guest())
    assert passing == {
        "neighbour-as-operator", "asking-for-the-neighbour", "telling-the-neighbour", "advert-to-the-neighbour",
    }  # fmt: skip


def test_flows_of_open_vswitch_cut_a_guest_off_and_go_without_a_trace(switched: Hypervisor) -> None:
    outgoing, incoming = of_the_guest(), to_the_guest()
    shows = "nft list ruleset; ovs-ofctl --no-stats dump-flows vmbr0; ovs-ofctl show vmbr0 | grep -A1 tap"
    assert switched.all_pass(switched.guest, outgoing)
    before = switched.machine.sh(shows)
    switched.forget_neighbours()
    assert switched.reaches("10.9.0.2", "203.0.113.10")
    changes = switched.block()
    assert switched.passing(switched.guest, outgoing) == set()
    assert switched.passing(switched.near, incoming, to=(switched.guest,)) == set()
    for source, destination in zip(OPERATOR, ("203.0.113.10", "2001:db8:113::10"), strict=True):
        switched.forget_neighbours()
        assert switched.reaches(source, destination)
    assert not switched.connects("198.51.100.2", "203.0.113.10")
    assert not any(isinstance(item, Change) for item in switched.planned())
    switched.lift(changes)
    assert switched.machine.sh(shows) == before
    assert switched.all_pass(switched.guest, outgoing)
    changes = switched.block(expires="PT2S")
    switched.machine.sh("while ovs-ofctl dump-flows vmbr0 | grep -q actions=drop; do sleep 0.1; done")
    switched.machine.sh("while ls /run/stopgap/*.flooded 2>/dev/null; do sleep 0.1; done")
    assert switched.all_pass(switched.guest, outgoing)
    switched.lift(changes)
    assert switched.machine.sh(shows) == before
