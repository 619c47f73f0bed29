"""No verdict is better than the packets: addresses and ways that the inventory lacks, and what happened since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import STATE, Lab
from .operator import Operator, Ran
from .world import beacon

INVENTORY = """\
defaults: {{known_hosts: {state}/known_hosts, identity: {state}/id_ed25519}}
hosts:
  web: {{address: 203.0.113.10, addresses: [{addresses}], upstream: [{upstreams}], spare: spare}}
  spare: {{address: 203.0.113.20, addresses: [203.0.113.20, "2001:db8:113::20"]}}
  edge: {{address: 10.9.0.1, driver: nftables, may_block: [203.0.113.0/24, "2001:db8:113::/64"]}}
  gone: {{address: 203.0.113.99, driver: nftables, may_block: [203.0.113.0/24, "2001:db8:113::/64"]}}
  isp: {{address: 192.0.2.1, vantage: outside}}
"""
BOTH = '203.0.113.10, "2001:db8:113::10"'
BLOCK = "name: Cut off\nsteps:\n  - {id: cut-off, task: traffic.block}\n"
NAT = """
table ip behind {
    chain in { type nat hook prerouting priority dstnat; ip daddr 203.0.113.10 dnat to 10.77.0.10; }
    chain out { type nat hook postrouting priority srcnat; ip saddr 10.77.0.10 snat to 203.0.113.10; }
}
"""

NO_DROP_OF_WHAT_IT_SENDS = r"""
nft -a list table inet stopgap_web |
    sed -n 's/^\tchain \([^ ]*\) {.*/chain \1/p; /saddr.*drop/s/.*# handle \([0-9]*\)$/rule \1/p' |
    while read -r kind word; do
        if [ $kind = chain ]; then chain=$word; else nft delete rule inet stopgap_web $chain handle $word; fi
    done
"""
"""Takes out every drop of the block that asks for a source address."""


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    (tmp_path / "block.yaml").write_text(BLOCK)
    describe(tmp_path, BOTH)
    made = Operator(lab, tmp_path / "home", str(tmp_path / "inventory.yaml"))
    yield made
    made.undo_all()


def describe(folder: Path, addresses: str, upstreams: str = "edge") -> None:
    """Write the inventory with these addresses of web, and these routers above it."""
    (folder / "inventory.yaml").write_text(INVENTORY.format(state=STATE, addresses=addresses, upstreams=upstreams))


def block(operator: Operator, *words: str) -> Ran:
    return operator.run(str(operator.home.parent / "block.yaml"), "-t", "web", *(words or ("--yes",)))


def gaps(ran: Ran) -> list[str]:
    return [
        gap for event in ran.events if event["event"] in {"step-planned", "step-finished"} for gap in event["gaps"]
    ]


@contextmanager
def network(lab: Lab, namespace: str, do: str, undo: str) -> Iterator[None]:
    """Change a namespace's addresses, links or routes by lines of ip(8), and change them back."""
    for line in do.split(";"):
        done = lab.exec(namespace, "ip", *line.split())
        assert done.returncode == 0, f"{line}: {done.stderr}"
    try:
        yield
    finally:
        for line in undo.split(";"):
            lab.exec(namespace, "ip", *line.split())
        lab.exec("edge", "ip", "neigh", "flush", "dev", "br0")  # what it remembers of the host


def test_an_address_that_came_later_and_a_block_that_is_gone_end_the_old_verdict(
    lab: Lab, operator: Operator
) -> None:
    assert block(operator).last["containment"] == {"web": "contained"}
    status = operator.stopgap("status")
    assert (status.status, "web is contained." in status.out) == (0, True), status.out
    with network(lab, "web", "addr add 203.0.113.12/24 dev eth0", "addr del 203.0.113.12/24 dev eth0"):
        status = operator.stopgap("status")
        assert status.status == 1, status.out
        assert "web was contained at " in status.out
        assert "; not any more: " in status.out
        assert "203.0.113.12" in status.out
        assert "web is contained" not in status.out
    assert operator.stopgap("status").status == 0
    assert lab.ssh("edge", "nft delete table inet stopgap_web").returncode == 0
    status = operator.stopgap("status")
    assert status.status == 1
    assert "; not any more: gone on edge; " in status.out
    assert "203.0.113.10:22" in status.out.partition("not any more")[2]
    assert "is contained" not in status.out
    assert "web was contained at " in operator.stopgap("show", "last").out
    assert "; not looked at again." in operator.stopgap("status", "--offline").out


def test_ipv6_that_the_inventory_lacks_is_named_before_the_run_and_lowers_its_verdict(
    lab: Lab, operator: Operator
) -> None:
    describe(operator.home.parent, "203.0.113.10")
    dry = block(operator, "--dry-run")
    assert any("2001:db8:113::10" in gap for gap in gaps(dry))
    ran = block(operator)
    assert ran.last["containment"] == {"web": "partly"}
    assert ran.outcomes == {"cut-off": "changed"}
    assert ran.status == 1
    assert any("2001:db8:113::10" in gap for gap in gaps(ran))


def test_a_second_card_is_named_before_the_run_and_lowers_its_verdict(lab: Lab, operator: Operator) -> None:
    wire = "link add m0 type veth peer name eth1 netns stopgap-web; addr add 198.18.5.1/24 dev m0; link set m0 up"
    with (
        network(lab, "isp", wire, "link del m0"),
        network(lab, "web", "addr add 198.18.5.10/24 dev eth1; link set eth1 up", "link show"),
    ):
        said = "198.18.5.10 is on web's eth1, and is not blocked"
        assert said in gaps(block(operator, "--dry-run"))
        ran = block(operator)
        assert ran.last["containment"] == {"web": "partly"}
        assert said in gaps(ran)


def test_behind_nat_on_the_router_no_verdict_is_better_than_the_packets(lab: Lab, operator: Operator) -> None:
    moved = "addr add 10.77.0.10/24 dev eth0; route replace default via 10.77.0.1; addr del 203.0.113.10/24 dev eth0"
    back = "addr add 203.0.113.10/24 dev eth0; route replace default via 203.0.113.1; addr del 10.77.0.10/24 dev eth0"
    with (
        network(lab, "edge", "addr add 10.77.0.1/24 dev br0", "addr del 10.77.0.1/24 dev br0"),
        network(lab, "web", moved, back),
    ):
        try:
            assert lab.ssh("edge", "nft -f -", stdin=NAT).returncode == 0
            assert beacon(lab) >= {"udp4", "tcp4"}
            ran = block(operator)
            left = beacon(lab)
            assert ran.last["containment"] == {"web": "partly" if left else "contained"}, ran.out
        finally:
            operator.undo_all()
            lab.ssh("edge", "nft delete table ip behind")


def test_another_gateway_of_the_host_is_named_before_the_run(lab: Lab, operator: Operator) -> None:
    way = "route add 192.0.2.128/25 via 203.0.113.30; route append default via 203.0.113.30 metric 9"
    with network(lab, "web", way, "route del 192.0.2.128/25; route del default via 203.0.113.30 metric 9"):
        dry = block(operator, "--dry-run")
    assert any(gap.startswith("web sends by 203.0.113.30, which is no address of edge") for gap in gaps(dry))


def test_a_router_that_shares_its_address_is_named_before_the_run(lab: Lab, operator: Operator) -> None:
    member = "import socket, struct, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt("
    member += "0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('224.0.0.18') + socket.inet_aton('203.0.113.1'))"
    lab.read("edge", f'nohup python3 -c "{member}; time.sleep(60)" >/dev/null 2>&1 & echo $! >/run/vrrp')
    try:
        lab.read("edge", "for i in 1 2 3 4 5 6 7 8 9; do ! grep -q 120000E0 /proc/net/igmp || exit 0; sleep 1; done")
        dry = block(operator, "--dry-run")
    finally:
        lab.read("edge", "kill $(cat /run/vrrp); rm /run/vrrp")
    assert any(gap.startswith("edge shares addresses with another router (VRRP") for gap in gaps(dry))


def test_one_of_two_routers_out_of_reach_keeps_nothing_else_back(lab: Lab, operator: Operator) -> None:
    describe(operator.home.parent, BOTH, "edge, gone")
    ran = operator.run("runbooks/contain.yaml", "-t", "web", "-p", "contact=noc@example.jp", "--yes", timeout=240)
    assert ran.last["containment"] == {"web": "partly"}
    assert {step: ran.outcomes[step] for step in ("cut-off@edge", "cut-off@gone", "mail", "page")} == {
        "cut-off@edge": "changed",
        "cut-off@gone": "unreachable",
        "mail": "changed",
        "page": "changed",
    }
    assert ran.status == 3
    assert any(gap.startswith("web is not cut off at gone: ") for gap in gaps(ran))
    assert not lab.tcp("203.0.113.10", 22)


def test_an_inventory_that_is_whole_is_contained_and_what_arrives_outside_disproves_it(
    lab: Lab, operator: Operator
) -> None:
    """Half a leak: what web sends passes, and no answer comes back, so that no connection ever comes about."""
    ran = block(operator)
    assert (ran.status, ran.last["containment"]) == (0, {"web": "contained"})
    sent = [event for event in ran.events if event["event"] == "check-judged" and "asked to send" in event["about"]]
    assert {(event["vantage"], event["holds"], event["one_sided"]) for event in sent} == {
        ("isp", True, True),
        ("spare", True, True),
    }
    lab.read("edge", NO_DROP_OF_WHAT_IT_SENDS)
    status = operator.stopgap("status")
    assert status.status == 1
    assert "web was contained at " in status.out
    assert "TCP from 203.0.113.10" in status.out
    assert "UDP from 203.0.113.10" in status.out
    assert not lab.tcp("203.0.113.10", 22)


def test_a_network_that_the_router_sends_to_the_host_is_named_before_the_run(lab: Lab, operator: Operator) -> None:
    with network(lab, "edge", "route add 198.18.9.0/28 via 203.0.113.10", "route del 198.18.9.0/28"):
        assert "198.18.9.0/28 is routed to web by edge, and is not blocked" in gaps(block(operator, "--dry-run"))
