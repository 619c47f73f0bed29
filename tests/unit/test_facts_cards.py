"""What a host's cards and a router's groups are read as: a way out of its own, or none."""

from __future__ import annotations

import struct
import subprocess
from contextlib import suppress

import pytest

from stopgap.orchestrator.facts import Cards, Output, Redundancy, UnreadableError
from stopgap.orchestrator.hosttext import HostText

ADDRESSES = """\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 203.0.113.10/24 brd 203.0.113.255 scope global eth0\\       valid_lft forever
2: eth0    inet6 2001:db8:113::10/64 scope global \\       valid_lft forever preferred_lft forever
7: br1    inet 10.1.0.1/24 scope global br1
9: odd    inet 192.0.2.9/32 scope global odd
"""
MACHINE = """\
link lo 00:00:00:00:00:00 0x9 772 card virtual
link eth0 02:00:00:00:00:0a 0x1003 1 card backed
link bond0 02:00:00:00:00:0b 0x1003 1 bond virtual
link eth0.7 02:00:00:00:00:0a 0x1003 1 vlan virtual
link docker0 02:42:00:00:00:01 0x1003 1 bridge virtual veth1 tap0
link vmbr0 02:00:00:00:00:0a 0x1003 1 bridge virtual eth0 tap1
link veth1 02:42:00:00:00:02 0x1003 1 veth virtual
link tap0 02:42:00:00:00:03 0x1003 1 tun virtual
link tap1 02:42:00:00:00:04 0x1003 1 tun virtual
link dummy0 02:42:00:00:00:05 0x82 1 card virtual
link wg0 - 0x10091 65534 wireguard virtual
link flannel.1 02:42:00:00:00:06 0x1003 1 vxlan virtual
link ppp0 - 0x10d1 512 ppp virtual
"""
CONTAINER = """\
link lo 00:00:00:00:00:00 0x9 772 card virtual
link br1 02:00:00:00:00:0a 0x1003 1 bridge virtual eth0
link eth0 02:00:00:00:00:0a 0x1003 1 veth virtual
"""


def output(text: str, status: int = 0) -> Output:
    return Output(HostText(text.encode()), HostText(b""), status)


def leading_out(text: str) -> set[str]:
    return {card.device for card in Cards().parse(output(text + ADDRESSES)) if card.leads_out}


def test_cards_bonds_vlans_and_modems_lead_out_and_what_serves_the_hosts_own_guests_does_not() -> None:
    assert leading_out(MACHINE) == {"eth0", "bond0", "eth0.7", "vmbr0", "veth1", "ppp0", "br1", "odd"}


def test_in_a_container_the_end_of_a_cable_is_its_card() -> None:
    assert leading_out(CONTAINER) == {"br1", "eth0", "odd"}


def test_a_card_has_its_addresses_and_what_is_not_listed_as_a_link_is_a_card() -> None:
    cards = {card.device: card for card in Cards().parse(output(MACHINE + ADDRESSES))}
    assert [str(a.ip) for a in cards["eth0"].addresses] == ["203.0.113.10", "2001:db8:113::10"]
    assert cards["eth0"].link_address == "02:00:00:00:00:0a"
    assert (cards["odd"].link_address, cards["odd"].leads_out) == ("", True)
    assert leading_out("") == {"eth0", "br1", "odd"}


@pytest.mark.parametrize(
    "text", [MACHINE + "2: eth0    inet nonsense/24 scope global\n", "link eth0 x 0xzz q card\n"]
)
def test_lines_of_a_lying_host_are_read_or_refused_and_raise_nothing_else(text: str) -> None:
    with suppress(UnreadableError):
        Cards().parse(output(text))


def test_a_list_that_is_not_whole_is_not_taken_for_the_whole() -> None:
    with pytest.raises(UnreadableError):
        Cards().parse(output(MACHINE, 1))


def test_this_machines_own_cards_can_be_read() -> None:
    done = subprocess.run(["sh", "-c", Cards().script()], capture_output=True, check=True)
    cards = Cards().parse(Output(HostText(done.stdout), HostText(done.stderr), done.returncode))
    assert "lo" in {card.device for card in cards}
    assert "lo" not in {card.device for card in cards if card.leads_out}


def test_a_router_that_listens_for_other_routers_shows_on_which_links() -> None:
    vrrp = f"{struct.unpack('=I', bytes((224, 0, 0, 18)))[0]:08X}"
    every = f"{struct.unpack('=I', bytes((224, 0, 0, 1)))[0]:08X}"
    text = (
        "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
        f"1\tlo        :     1      V3\n\t\t\t\t{every}     1 0:00000000\t\t0\n"
        f"4\teth0      :     2      V3\n\t\t\t\t{vrrp}     1 0:00000000\t\t0\n\t\t\t\t{every}     1 0:00000000\t\t0\n"
        f"5\tenp0s31f6long: 1      V3\n\t\t\t\t{vrrp}     1 0:00000000\t\t0\n"
        "7    eth2            ff020000000000000000000000000012     1 00000004 0\n"
        "7    eth3            ff020000000000000000000000000001     1 00000004 0\n"
        "daemon keepalived\n"
    )
    fact = Redundancy().parse(output(text))
    assert (fact.devices, fact.daemons) == (("eth0", "enp0s31f6long", "eth2"), ("keepalived",))
    assert Redundancy().parse(output("\t\t\tzz\n1\n")).devices == ()
