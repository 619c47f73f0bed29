"""A host behind two routers, IPv4 above the one and IPv6 above the other: both drop, or neither does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import STATE, Lab
from .operator import Operator
from .world import beacon

INVENTORY = f"""\
defaults: {{known_hosts: {STATE}/known_hosts, identity: {STATE}/id_ed25519}}
hosts:
  web: {{address: 203.0.113.10, addresses: [203.0.113.10, "2001:db8:113::10"], upstream: [edge, second]}}
  edge:
    address: 10.9.0.1
    addresses: [10.9.0.1, 203.0.113.1, "2001:db8:113::1"]
    driver: nftables
    may_block: [203.0.113.0/24]
  second:
    address: 203.0.113.30
    addresses: [203.0.113.30, "2001:db8:113::30"]
    driver: iptables
    may_block: ["2001:db8:113::/64"]
  isp: {{address: 192.0.2.1, vantage: outside}}
"""
BLOCK = """\
name: Cut off
params:
  if_one_fails: {type: choice, choices: [undo, keep], default: undo}
steps:
  - {id: cut-off, task: traffic.block, with: {if_one_fails: "{{ params.if_one_fails }}"}}
"""
SECOND = {
    "isp": """
        link add second0 type veth peer name up0 netns stopgap-neighbour
        addr add 2001:db8:2::1/64 dev second0 nodad
        link set second0 up
        route add 2001:db8:113::10/128 via 2001:db8:2::2 dev second0
    """,
    "neighbour": """
        addr add 2001:db8:2::2/64 dev up0 nodad
        link set up0 up
        route replace default via 2001:db8:2::1 dev up0
    """,
    "web": "route replace default via 2001:db8:113::30 dev eth0",
}
"""Lines of ip(8): the neighbour gets a wire to the provider, and web's IPv6 traffic goes that way."""
RULES = "nft -s list ruleset | grep -v '^#'; iptables-save | grep -v '^#'; ip6tables-save | grep -v '^#'; ipset save"
ALL = {"udp4", "udp6", "tcp4", "tcp6"}


@pytest.fixture(scope="module")
def apart(lab: Lab) -> Lab:
    assert lab.exec("neighbour", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1").returncode == 0
    for namespace, lines in SECOND.items():
        for line in lines.strip().splitlines():
            done = lab.exec(namespace, "ip", "-6", *line.split())
            assert done.returncode == 0, f"{line}: {done.stderr}"
    return lab


@pytest.fixture
def operator(apart: Lab, tmp_path: Path) -> Iterator[Operator]:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "block.yaml").write_text(BLOCK)
    before = {router: apart.read(router, RULES) for router in ("edge", "neighbour")}
    yield Operator(apart, tmp_path / "home", str(tmp_path / "inventory.yaml"))
    assert {router: apart.read(router, RULES) for router in ("edge", "neighbour")} == before


def block(operator: Operator, *argv: str) -> tuple[int, dict[str, str], dict[str, str]]:
    ran = operator.run(str(operator.home.parent / "block.yaml"), "-t", "web", "--yes", *argv)
    return ran.status, ran.outcomes, ran.last["containment"]


def test_each_drops_its_part_and_together_they_contain(apart: Lab, operator: Operator) -> None:
    assert beacon(apart) == ALL
    assert block(operator) == (0, {"cut-off@edge": "changed", "cut-off@second": "changed"}, {"web": "contained"})
    assert beacon(apart) == set()
    assert not apart.tcp("203.0.113.10", 22)
    assert not apart.tcp("2001:db8:113::10", 22)
    assert apart.tcp("203.0.113.10", 22, "operator")
    status = operator.stopgap("status")
    assert (status.status, status.out.count("in force, ")) == (0, 2), status.out
    longer = operator.run("runbooks/extend.yaml", "-t", "web", "-p", "expires=100h", "--yes")
    assert longer.outcomes == {"cut-off@edge": "changed", "cut-off@second": "changed"}
    assert operator.stopgap("undo", "last", "--yes").status == 0
    first = operator.stopgap("runs").out.splitlines()[-1].split()[0]
    assert operator.stopgap("undo", first, "--step", "cut-off@second", "--yes").status == 0
    assert beacon(apart) == {"udp6", "tcp6"}
    assert operator.stopgap("undo", first, "--yes").status == 0
    assert beacon(apart) == ALL


def test_where_one_fails_the_other_lets_go_unless_it_is_told_to_keep(apart: Lab, operator: Operator) -> None:
    broken = '#!/bin/sh\ncase $* in *restore*) echo broken >&2; exit 1 ;; *) exec /usr/sbin/ipset "$@" ;; esac\n'
    apart.ssh("neighbour", "cat >/usr/local/sbin/ipset; chmod +x /usr/local/sbin/ipset", stdin=broken)
    try:
        both = {"cut-off@edge": "failed", "cut-off@second": "failed"}
        assert block(operator) == (1, both, {"web": "unverified"})
        assert beacon(apart) == ALL
        kept = {"cut-off@edge": "changed", "cut-off@second": "failed"}
        assert block(operator, "-p", "if_one_fails=keep") == (1, kept, {"web": "partly"})
        assert beacon(apart) == {"udp6", "tcp6"}
    finally:
        apart.ssh("neighbour", "rm /usr/local/sbin/ipset")
        operator.undo_all()
