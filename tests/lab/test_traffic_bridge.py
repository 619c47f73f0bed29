"""A hypervisor: what its bridge hands on meets no rule for IP packets, unless the kernel shows it to them.

Three network namespaces on one wire: the world, the hypervisor with a bridge, and its guest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from stopgap.orchestrator.facts import Gateways, Interfaces, Links, Neighbours, Reader, Routes
from stopgap.orchestrator.task import Refused
from stopgap.tasks.traffic.driver import DeviceFacts

from .netns import Namespace
from .traffic import EDGE, TASK, WITHOUT_SPARE, host

WIRES = """
set -e
ip link add uplink type veth peer name eth0 netns {world}
ip link add tap type veth peer name eth0 netns {guest}
ip link add vmbr0 type bridge forward_delay 0
ip link set uplink master vmbr0 up
ip link set tap master vmbr0 up
ip addr add 203.0.113.5/24 dev vmbr0
ip link set vmbr0 up
ip route add default via 203.0.113.1
sysctl -qw net.bridge.bridge-nf-call-iptables=0
"""
RECEIVE = """
import socket
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("198.51.100.2", 4747))
here.settimeout(2)
print("listening", flush=True)
came = 0
try:
    while came < 10:
        here.recv(99)
        came += 1
except TimeoutError:
    pass
print(came)
"""
SEND = """
import socket
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(10):
    there.sendto(b"x", ("198.51.100.2", 4747))
"""


class Hypervisor:
    """The machine in the middle, as its inventory names it."""

    def __init__(self) -> None:
        self.machine, self.world, self.guest = Namespace(), Namespace(), Namespace()
        self.machine.sh(WIRES.format(world=self.world.holder.pid, guest=self.guest.holder.pid))
        self.world.sh("ip addr add 203.0.113.1/24 dev eth0; ip addr add 198.51.100.2/32 dev lo; ip link set eth0 up")
        self.guest.sh(
            "ip addr add 203.0.113.10/24 dev eth0; ip link set eth0 up; ip route add default via 203.0.113.1"
        )
        target = host("web", "203.0.113.10", upstream="edge")
        self.scene = WITHOUT_SPARE.model_copy(update={"target": target, "on": EDGE, "upstream": EDGE, "others": ()})

    def ruleset(self) -> str:
        """Plan the block as a run would, and give what it would load; raises Refused."""
        wanted: dict[str, Reader[object]] = {
            "interfaces": Interfaces(),
            "gateways": Gateways(),
            "neighbours": Neighbours((ip_address("203.0.113.10"),)),
            "routes": Routes((ip_address("203.0.113.10"),)),
            "links": Links(),
        }
        read = {field: self.machine.read(reader) for field, reader in wanted.items()}
        absent = {"status": 1, "stderr": "Error: No such file or directory"}
        read |= {"system": {"programs": ["nft"]}, "rules": absent, "state": absent, "origin": "10.9.0.2"}
        facts = DeviceFacts.model_validate(read)
        (change,) = (c for c in TASK.plan(TASK.Params(), facts, self.scene) if hasattr(c, "do_script"))
        script: str = change.do_script()
        return script

    def reaching(self) -> int:
        """Give how many of ten datagrams of the guest reach the world."""
        words = self.world.words(sys.executable, "-c", RECEIVE)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as receiver:
            assert receiver.stdout
            assert receiver.stdout.readline() == "listening\n"
            subprocess.run(self.guest.words(sys.executable, "-c", SEND), check=True)
            return int(receiver.stdout.readline())

    def end(self) -> None:
        for namespace in (self.guest, self.world, self.machine):
            namespace.end()


@pytest.fixture
def hypervisor() -> Iterator[Hypervisor]:
    made = Hypervisor()
    yield made
    made.end()


def test_a_block_on_a_hypervisor_is_refused_where_it_would_drop_nothing(hypervisor: Hypervisor) -> None:
    assert hypervisor.reaching() == 10
    with pytest.raises(Refused, match=r"packets of 203\.0\.113\.10 past its rules: say `driver: guestport`"):
        hypervisor.ruleset()
    switch = "sysctl -qw net.bridge.bridge-nf-call-iptables="
    hypervisor.machine.sh(f"{switch}1")
    rules = hypervisor.ruleset()
    hypervisor.machine.sh(f"{switch}0; {rules}")
    assert hypervisor.reaching() == 10, "what was refused would have dropped nothing"
    hypervisor.machine.sh(f"{switch}1")
    assert hypervisor.reaching() == 0


def test_a_bridge_that_shows_its_packets_to_the_rules_by_itself_is_no_hindrance(hypervisor: Hypervisor) -> None:
    assert hypervisor.reaching() == 10
    hypervisor.machine.sh("ip link set vmbr0 type bridge nf_call_iptables 1")
    hypervisor.machine.sh(hypervisor.ruleset())
    assert hypervisor.reaching() == 0
